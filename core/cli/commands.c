/* SPDX-License-Identifier: Apache-2.0 */
/* The list of commands, in the order of the help. */
#include "cli/commands.h"

#include <stddef.h>

const struct command *const commands[] = {&cmd_check,
                                          &cmd_connect,
                                          &cmd_disconnect,
                                          &cmd_test,
                                          &cmd_preview,
                                          &cmd_sync,
                                          &cmd_verify,
                                          &cmd_run,
                                          &cmd_pause,
                                          &cmd_resume,
                                          &cmd_status,
                                          &cmd_runs,
                                          &cmd_records,
                                          &cmd_why,
                                          &cmd_fields,
                                          &cmd_quarantine_list,
                                          &cmd_quarantine_show,
                                          &cmd_quarantine_replay,
                                          &cmd_erase,
                                          &cmd_plugins_list,
                                          &cmd_plugins_approve,
                                          &cmd_plugins_forget,
                                          &cmd_describe,
                                          &cmd_doctor,
                                          &cmd_secrets_init,
                                          &cmd_secrets_list,
                                          &cmd_secrets_rotate,
                                          &cmd_complete,
                                          NULL};
