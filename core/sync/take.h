/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields taken of another record: a rule with `lookup` and `take` gives the owner's e-mail address
 * and not the owner.
 *
 * Taken are fields of reference tables alone (owners, pipelines): those are one connection's own
 * and take nothing themselves, so that what is taken changes only when that stream is read. A
 * record that holds a taken field stays on the list of pending references for as long as it does;
 * when the record that it is taken of comes or changes, those that wait for it are brought up to
 * date in the same transaction, but for those whose own rule is paused (drift.h): they are once
 * that pause is over.
 */
#ifndef SYNC_TAKE_H
#define SYNC_TAKE_H

#include "sync/setup.h"

/* Finds the field that a rule of `object` takes of `from`; what does not fit becomes a problem at
 * `at`. */
void take_resolve(const struct settings_context *ctx, const struct object_setup *object,
                  struct rule *rule, const struct model_object *from, const struct node *at);

/* What one canonical field takes of a record must be one thing, whichever object of the vendor
 * gives the record: else nobody could tell later. */
void take_check_all(const struct settings_context *ctx, const struct setup *setup);

/* The rule of any object of the connection by which that field is taken of records of
 * `vendor_object`; NULL when no rule does (any more). */
const struct rule *take_find(const struct setup *setup, uint16_t object, uint16_t field,
                             struct str vendor_object);

/* The same, of the rules of one object. */
const struct rule *take_find_in(const struct object_setup *object, uint16_t field,
                                struct str vendor_object);

#endif
