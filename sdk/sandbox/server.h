/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP shell: one thread, one loop, 127.0.0.1 only. */
#ifndef SANDBOX_SERVER_H
#define SANDBOX_SERVER_H

#include <stdint.h>
#include <stdio.h>

#include "sandbox.h"

struct server;

/* Listens on 127.0.0.1. Port 0 takes any free one. NULL with a text for people in `error`. */
struct server *server_open(struct sandbox *sandbox, uint16_t port, char *error, size_t error_size);
uint16_t server_port(const struct server *server);

/* From now on each request of the vendor's is written there; see record.h. Borrowed. */
void server_record(struct server *server, FILE *requests);

/* Serves until SIGTERM or SIGINT. 0, or -1 with a text in `error`. */
int server_run(struct server *server, char *error, size_t error_size);
void server_close(struct server *server);

#endif
