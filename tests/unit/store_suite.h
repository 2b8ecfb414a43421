/* SPDX-License-Identifier: Apache-2.0 */
/* The conformance suite of the store: the same tests for each engine. A test program names the
 * engine, and adds tests of the engine's own. */
#ifndef STORE_SUITE_H
#define STORE_SUITE_H

#include "store/store.h"
#include "unit.h"

/* ---- by the test program ---- */

extern const char *engine_url;
void engine_clean(void); /* before each test: no store is left at the URL */
/* A statement of another program in its own session, on the tables by their names. NULL: done; else
 * why not. */
const char *foreign(const char *statement);
void wait_readable(int fd); /* of `listen`; nothing for -1 */

/* ---- what tests work with ---- */

extern char dir[64]; /* a folder of the test's own */
extern struct world world;
extern struct store *store;
extern struct error err;
extern struct arena arena;
extern const struct model_object *account;
extern int64_t organization, connection, run;
extern struct stream_state companies;

#define OK(call) CU_ASSERT_EQUAL_FATAL((call), 0)
#define ENGINE   store->engine

void open_store(void);
void put_dictionaries(void); /* begins a run of the connection "crm", with the stream "companies" */
struct value text(const char *s);
struct record_row *new_row(int64_t key, const char *name, const char *domain);
void create(const char *external_id, const char *name, const char *domain);
struct link_row find_link(const char *external_id);

/* Runs a test in a new store. */
void in_store(void (*test)(void));

#define IN_STORE(name)                                                                             \
    static void store_##name(void)                                                                 \
    {                                                                                              \
        in_store(name);                                                                            \
    }

/* ---- the tests ---- */

void test_create_and_update(void);
void test_match(void);
void test_stream_state(void);
void test_custom_fields(void);
void test_quarantine(void);
void test_pending(void);
void test_rollback_and_refused_commit(void);
void test_runs(void);
void test_lease_ends_with_its_host(void);
void test_record_filter(void);
void test_large_batches(void);
void test_record_updated_twice(void);
void test_texts_come_back(void);
void test_doubles_in_a_batch(void);
void test_pauses(void);
void test_erasure(void);
void test_secrets(void);
void test_vendor_fields(void);

/* store_suite_erase.c */
void test_erased_quarantine(void);
void test_erased_log(void);
void test_erased_owner(void);
void test_erased_references(void);
void test_erased_elsewhere(void);
void test_erased_in_a_walk(void);

/* store_suite_ends.c */
void test_tombstones(void);
void test_verify_finds_dead_records(void);
void test_restored_and_changed(void);
void test_holders(void);
void test_merged_links_follow(void);
void test_unseen(void);
void test_archived(void);
void test_unmet(void);
void test_referring(void);

/* store_suite_capture.c */
void test_foreign_insert(void);
void test_foreign_bodies(void);
void test_foreign_update(void);
void test_foreign_tombstone(void);
void test_foreign_identity(void);
void test_foreign_delete(void);
void test_foreign_mass(void);
void test_erase_what_was_deleted(void);
void test_erasure_is_not_logged(void);
void test_host_goes_on_after_a_foreign_write(void);
void test_log_in_batches(void);
void test_heard_of_other_writers(void);

/* store_suite_export.c */
void test_seen_local(void);
void test_note_exports(void);
void test_look_exports(void);
void test_note_in_batches(void);
void test_note_after_an_erasure(void);
void test_queue_exports(void);
void test_queue_unread(void);
void test_queue_unlinked(void);
void test_due_with_links(void);
void test_due_of_merged(void);
void test_writes(void);
void test_held_by_a_write(void);
void test_sent(void);
void test_conflicts(void);
void test_conflicts_are_settled(void);
void test_export_counts(void);
void test_erase_exports(void);
void test_verify_exports(void);
/* In a store that was migrated: its link "c1" of record 1 and a run that created 3. */
void test_exports_of_an_older_store(void);

/* store_suite_base.c */
void test_base(void);
void test_base_with_links(void);
void test_erase_bases(void);

/* store_suite_rollback.c */
void test_log_of_a_run(void);
void test_log_of_an_older_run(void);
void test_log_rows_by_number(void);
void test_held_and_referred(void);
void test_sent_of_a_run(void);
void test_what_a_run_takes_back(void);

/* store_suite_duplicates.c */
void test_duplicates(void);
void test_count_referrers(void);
void test_waiting(void);
void test_moved(void);
void test_run_of_no_connection(void);
void test_end_with_a_body(void);

#define STORE_SUITE_FUNCTIONS                                                                      \
    IN_STORE(test_create_and_update)                                                               \
    IN_STORE(test_match)                                                                           \
    IN_STORE(test_stream_state)                                                                    \
    IN_STORE(test_custom_fields)                                                                   \
    IN_STORE(test_quarantine)                                                                      \
    IN_STORE(test_pending)                                                                         \
    IN_STORE(test_rollback_and_refused_commit)                                                     \
    IN_STORE(test_runs)                                                                            \
    IN_STORE(test_lease_ends_with_its_host)                                                        \
    IN_STORE(test_record_filter)                                                                   \
    IN_STORE(test_large_batches)                                                                   \
    IN_STORE(test_record_updated_twice)                                                            \
    IN_STORE(test_texts_come_back)                                                                 \
    IN_STORE(test_doubles_in_a_batch)                                                              \
    IN_STORE(test_pauses)                                                                          \
    IN_STORE(test_erasure)                                                                         \
    IN_STORE(test_erased_quarantine)                                                               \
    IN_STORE(test_erased_log)                                                                      \
    IN_STORE(test_erased_owner)                                                                    \
    IN_STORE(test_erased_references)                                                               \
    IN_STORE(test_erased_elsewhere)                                                                \
    IN_STORE(test_erased_in_a_walk)                                                                \
    IN_STORE(test_secrets)                                                                         \
    IN_STORE(test_vendor_fields)                                                                   \
    IN_STORE(test_tombstones)                                                                      \
    IN_STORE(test_verify_finds_dead_records)                                                       \
    IN_STORE(test_restored_and_changed)                                                            \
    IN_STORE(test_holders)                                                                         \
    IN_STORE(test_merged_links_follow)                                                             \
    IN_STORE(test_unseen)                                                                          \
    IN_STORE(test_archived)                                                                        \
    IN_STORE(test_unmet)                                                                           \
    IN_STORE(test_referring)                                                                       \
    IN_STORE(test_foreign_insert)                                                                  \
    IN_STORE(test_foreign_bodies)                                                                  \
    IN_STORE(test_foreign_update)                                                                  \
    IN_STORE(test_foreign_tombstone)                                                               \
    IN_STORE(test_foreign_identity)                                                                \
    IN_STORE(test_foreign_delete)                                                                  \
    IN_STORE(test_foreign_mass)                                                                    \
    IN_STORE(test_erase_what_was_deleted)                                                          \
    IN_STORE(test_erasure_is_not_logged)                                                           \
    IN_STORE(test_host_goes_on_after_a_foreign_write)                                              \
    IN_STORE(test_log_in_batches)                                                                  \
    IN_STORE(test_heard_of_other_writers)                                                          \
    IN_STORE(test_seen_local)                                                                      \
    IN_STORE(test_note_exports)                                                                    \
    IN_STORE(test_look_exports)                                                                    \
    IN_STORE(test_note_in_batches)                                                                 \
    IN_STORE(test_note_after_an_erasure)                                                           \
    IN_STORE(test_queue_exports)                                                                   \
    IN_STORE(test_queue_unread)                                                                    \
    IN_STORE(test_queue_unlinked)                                                                  \
    IN_STORE(test_due_with_links)                                                                  \
    IN_STORE(test_due_of_merged)                                                                   \
    IN_STORE(test_writes)                                                                          \
    IN_STORE(test_held_by_a_write)                                                                 \
    IN_STORE(test_sent)                                                                            \
    IN_STORE(test_conflicts)                                                                       \
    IN_STORE(test_conflicts_are_settled)                                                           \
    IN_STORE(test_export_counts)                                                                   \
    IN_STORE(test_erase_exports)                                                                   \
    IN_STORE(test_verify_exports)                                                                  \
    IN_STORE(test_base)                                                                            \
    IN_STORE(test_base_with_links)                                                                 \
    IN_STORE(test_erase_bases)                                                                     \
    IN_STORE(test_log_of_a_run)                                                                    \
    IN_STORE(test_log_of_an_older_run)                                                             \
    IN_STORE(test_log_rows_by_number)                                                              \
    IN_STORE(test_held_and_referred)                                                               \
    IN_STORE(test_sent_of_a_run)                                                                   \
    IN_STORE(test_what_a_run_takes_back)                                                           \
    IN_STORE(test_duplicates)                                                                      \
    IN_STORE(test_count_referrers)                                                                 \
    IN_STORE(test_waiting)                                                                         \
    IN_STORE(test_moved)                                                                           \
    IN_STORE(test_run_of_no_connection)                                                            \
    IN_STORE(test_end_with_a_body)

#define STORE_SUITE_TESTS                                                                          \
    {"records are created, changed and linked", store_test_create_and_update},                     \
        {"matching: one, several, linked already, another organisation", store_test_match},        \
        {"stream state survives", store_test_stream_state},                                        \
        {"custom fields have lasting ids", store_test_custom_fields},                              \
        {"quarantine", store_test_quarantine}, {"pending references", store_test_pending},         \
        {"rollback, and a commit that is refused", store_test_rollback_and_refused_commit},        \
        {"runs and their counts", store_test_runs},                                                \
        {"a lease ends with its host", store_test_lease_ends_with_its_host},                       \
        {"records by filter", store_test_record_filter},                                           \
        {"large batches, in any order", store_test_large_batches},                                 \
        {"a record that is changed twice in a batch", store_test_record_updated_twice},            \
        {"texts come back as they were", store_test_texts_come_back},                              \
        {"doubles in a batch", store_test_doubles_in_a_batch}, {"pauses", store_test_pauses},      \
        {"a person is erased", store_test_erasure},                                                \
        {"what is in quarantine of or about one", store_test_erased_quarantine},                   \
        {"the log forgets a person", store_test_erased_log},                                       \
        {"an owner is erased, and what was taken of it", store_test_erased_owner},                 \
        {"references to a person", store_test_erased_references},                                  \
        {"reasons and positions that mention one", store_test_erased_elsewhere},                   \
        {"a person is erased in the middle of a walk", store_test_erased_in_a_walk},               \
        {"secrets: versions, and who was first", store_test_secrets},                              \
        {"vendors' fields", store_test_vendor_fields},                                             \
        {"tombstones are neither listed nor matched", store_test_tombstones},                      \
        {"a live link to a tombstone is damage", store_test_verify_finds_dead_records},            \
        {"a record that is restored and changed at once", store_test_restored_and_changed},        \
        {"who holds a record", store_test_holders},                                                \
        {"merged links follow", store_test_merged_links_follow},                                   \
        {"what a walk has not met", store_test_unseen}, {"what is archived", store_test_archived}, \
        {"links that are new", store_test_unmet},                                                  \
        {"who refers to a record", store_test_referring},                                          \
        {"another program adds records", store_test_foreign_insert},                               \
        {"another program's changes are logged as the host's", store_test_foreign_bodies},         \
        {"another program changes many, none, or adds and changes", store_test_foreign_update},    \
        {"another program ends records", store_test_foreign_tombstone},                            \
        {"nobody changes what a record is known by", store_test_foreign_identity},                 \
        {"another program deletes records", store_test_foreign_delete},                            \
        {"another program changes and deletes very many", store_test_foreign_mass},                \
        {"what another program deleted is erased", store_test_erase_what_was_deleted},             \
        {"erasing is not logged", store_test_erasure_is_not_logged},                               \
        {"the host goes on after another program", store_test_host_goes_on_after_a_foreign_write}, \
        {"the log in batches, and how far it was followed", store_test_log_in_batches},            \
        {"other writers are heard of", store_test_heard_of_other_writers},                         \
        {"what was last seen of a record here", store_test_seen_local},                            \
        {"whether others' writes are due", store_test_look_exports},                               \
        {"others' writes are due, a connection's own are not", store_test_note_exports},           \
        {"what is due is noted in batches, from an empty log on", store_test_note_in_batches},     \
        {"nothing is left out after an erasure", store_test_note_after_an_erasure},                \
        {"what is due is queued once", store_test_queue_exports},                                  \
        {"what is to be read again is queued", store_test_queue_unread},                           \
        {"what the vendor does not have", store_test_queue_unlinked},                              \
        {"what is due, with its links", store_test_due_with_links},                                \
        {"what was merged is not made anew", store_test_due_of_merged},                            \
        {"writes under way", store_test_writes},                                                   \
        {"a write under way holds its record", store_test_held_by_a_write},                        \
        {"what was sent", store_test_sent}, {"conflicts", store_test_conflicts},                   \
        {"conflicts that are met again, and settled", store_test_conflicts_are_settled},           \
        {"counts of exports", store_test_export_counts},                                           \
        {"exports of a person are erased", store_test_erase_exports},                              \
        {"exports of no stream are damage", store_test_verify_exports},                            \
        {"what both sides agreed on", store_test_base},                                            \
        {"however its link is found", store_test_base_with_links},                                 \
        {"what was agreed on of a person is erased", store_test_erase_bases},                      \
        {"what a run has in the log", store_test_log_of_a_run},                                    \
        {"what an older run has in the log", store_test_log_of_an_older_run},                      \
        {"rows of the log by their numbers", store_test_log_rows_by_number},                       \
        {"links of records, and who refers to them", store_test_held_and_referred},                \
        {"what a run has sent", store_test_sent_of_a_run},                                         \
        {"which run is taken back", store_test_what_a_run_takes_back},                             \
        {"records that share a value", store_test_duplicates},                                     \
        {"how many refer", store_test_count_referrers},                                            \
        {"references that wait", store_test_waiting},                                              \
        {"links that a run moved", store_test_moved},                                              \
        {"a run of no connection", store_test_run_of_no_connection},                               \
        {"the end of a record, with a body", store_test_end_with_a_body},

#endif
