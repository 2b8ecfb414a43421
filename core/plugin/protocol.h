/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What host and worker say to each other over a SEQPACKET socket pair. Both are built from the same
 * tree and installed together, so the protocol has no versions. The host trusts nothing that comes:
 * sizes, kinds and order are checked, and a worker that breaks them is killed.
 *
 * A message is one or more frames: a header of four u32 (kind, call, flags, length) and that many
 * bytes. All frames but the last of a message carry FRAME_MORE.
 *
 * The host gives one operation at a time (OP_*); the worker answers it with WORKER_RESULT. In
 * between it may ask for services (SERVICE_*), one at a time; those marked (reply) wait for
 * HOST_REPLY with the same call number.
 */
#ifndef PLUGIN_PROTOCOL_H
#define PLUGIN_PROTOCOL_H

#include <stdint.h>

enum {
    FRAME_HEADER = 16,
    FRAME_MAX = 64 * 1024, /* header included */
    FRAME_PAYLOAD = FRAME_MAX - FRAME_HEADER,
    FRAME_MORE = 1
};

enum { WORKER_SOCKET_FD = 3, WORKER_IMAGE_FD = 4 };

enum {
    /* host to worker */
    OP_LOAD = 1,     /* u64 memory limit, u32 flags (LOAD_*) */
    OP_DESCRIBE = 2, /* - */
    OP_CREATE = 3,   /* options: count, (name, value)... */
    OP_CHECK = 4,    /* - */
    OP_DISCOVER = 5, /* object */
    OP_READ = 6,     /* mode, object, fields, since, until, position, limit, ids,
                      * timed fields */
    OP_DESTROY = 7,  /* - */
    HOST_REPLY = 8,  /* outcome, then what the service gives */
    OP_WRITE = 9,    /* op, object, key field, rows */

    /* worker to host */
    WORKER_RESULT = 16,        /* op, outcome, then what the operation gives */
    SERVICE_LOG = 17,          /* level, text */
    SERVICE_FAIL = 18,         /* text */
    SERVICE_HTTP_START = 19,   /* request (reply: ticket) */
    SERVICE_HTTP_WAIT = 20,    /* ticket (reply: status, length) */
    SERVICE_JSON_GET = 21,     /* handle, path (reply: text) */
    SERVICE_EMIT_PAGE = 22,    /* handle, page (reply: result) */
    SERVICE_EMIT_RECORDS = 23, /* count, records (reply) */
    SERVICE_EMIT_FIELD = 24,   /* field (reply) */
    SERVICE_CHECKPOINT = 25,   /* position (reply) */
    SERVICE_RELEASE = 26,      /* handle */
    SERVICE_PROGRESS = 27,     /* total */
    SERVICE_ATTACH = 28,       /* handle, spec (reply) */
    SERVICE_EMIT_WRITTEN = 29, /* handle, spec (reply: count) */
    SERVICE_WRITTEN = 30       /* write id, outcome, id, text (reply) */
};

/* OP_LOAD: only report the jail; there is no image to load. */
enum { LOAD_PROBE = 1 };

/* Outcome of OP_LOAD and OP_DESCRIBE when the file is no connector this host can run; the text says
 * why. */
enum { WORKER_REFUSED = 100 };

/* Layers of the jail that a worker has, as its answer to OP_LOAD reports them. */
enum {
    JAIL_NO_NEW_PRIVS = 1,
    JAIL_RLIMITS = 2,
    JAIL_LANDLOCK = 4,
    JAIL_SECCOMP = 8,
    JAIL_NAMESPACES = 16, /* own user and network namespace */
    JAIL_NOBODY = 32      /* not root: it never was, or gave it up */
};

enum {
    MESSAGE_MAX = 17 * 1024 * 1024, /* the largest: a record of 16 MiB */
    RECORD_MAX = 16 * 1024 * 1024,
    REQUEST_BODY_MAX = 8 * 1024 * 1024,
    REQUEST_URL_MAX = 16 * 1024,
    REQUEST_HEADERS_MAX = 32,
    REQUEST_HEADER_TEXT_MAX = 8 * 1024,
    HANDLES_MAX = 32,
    ATTACHED_MAX = 256,
    HANDLES_BYTES_MAX = 64 * 1024 * 1024,
    POSITION_MAX = 4 * 1024,
    EXTERNAL_ID_MAX = 255,
    READ_IDS_MAX = 1000,   /* of one read */
    MERGED_IDS_MAX = 1000, /* of one record */
    WRITE_ROWS_MAX = 1000, /* of one write */
    WRITE_ID_MAX = 64,
    PATH_MAX_LEN = 512,
    LOG_TEXT_MAX = 4 * 1024,
    DESCRIPTOR_TEXT_MAX = 4 * 1024
};

#endif
