/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, each in a file of its own. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/command.h"

#define GROUP_SYNC "Set up and sync"
#define GROUP_LOOK "Look at what came"
#define GROUP_HOST "Connectors and this machine"

extern const struct command cmd_check, cmd_test, cmd_preview, cmd_link, cmd_sync, cmd_verify,
    cmd_rollback, cmd_run, cmd_pause, cmd_resume, cmd_status, cmd_runs, cmd_records, cmd_why,
    cmd_fields, cmd_quarantine_list, cmd_quarantine_show, cmd_quarantine_replay, cmd_conflicts_list,
    cmd_conflicts_show, cmd_conflicts_resolve, cmd_writes_list, cmd_writes_retry, cmd_writes_drop,
    cmd_duplicates_list, cmd_duplicates_merge, cmd_erase, cmd_prune, cmd_plugins_list,
    cmd_plugins_approve, cmd_plugins_forget, cmd_describe, cmd_doctor, cmd_connect, cmd_disconnect,
    cmd_secrets_init, cmd_secrets_list, cmd_secrets_rotate, cmd_complete, cmd_apply;

#endif
