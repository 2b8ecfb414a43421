/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of every public struct on LP64, as it is promised: a host and a connector that were
 * built years apart meet here. From ABI 1.0 on a line may be added and none may change; under 0.x
 * a change here goes with a new minor version (docs/abi.md). check_header.sh sees to it that no
 * struct of the SDK is missing.
 */
#include <stdio.h>
#include <string.h>

#include "fastenr/connector.h"
#include "fastenr/json.h"

#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), "size of " #type)
#define AT(type, member, bytes)                                                                    \
    _Static_assert(offsetof(type, member) == (bytes), "offset of " #member " in " #type)
/* Functions and data pointers have one size, so that a table of either is a table of words. */
_Static_assert(sizeof(void *) == 8 && sizeof(void (*)(void)) == 8 && sizeof(long) == 8, "LP64");

SIZE(struct fastenr_str, 16);
AT(struct fastenr_str, ptr, 0);
AT(struct fastenr_str, len, 8);

SIZE(struct fastenr_table, 16);
AT(struct fastenr_table, rows, 0);
AT(struct fastenr_table, count, 8);
AT(struct fastenr_table, stride, 12);

SIZE(struct fastenr_option, 88);
AT(struct fastenr_option, name, 0);
AT(struct fastenr_option, type, 16);
AT(struct fastenr_option, flags, 20);
AT(struct fastenr_option, default_value, 24);
AT(struct fastenr_option, min, 40);
AT(struct fastenr_option, max, 48);
AT(struct fastenr_option, choices, 56);
AT(struct fastenr_option, help, 72);

SIZE(struct fastenr_secret, 32);
AT(struct fastenr_secret, name, 0);
AT(struct fastenr_secret, help, 16);

SIZE(struct fastenr_auth_header, 32);
AT(struct fastenr_auth_header, name, 0);
AT(struct fastenr_auth_header, value, 16);

SIZE(struct fastenr_oauth_dead, 40);
AT(struct fastenr_oauth_dead, status, 0);
AT(struct fastenr_oauth_dead, reserved, 4);
AT(struct fastenr_oauth_dead, path, 8);
AT(struct fastenr_oauth_dead, equals, 24);

SIZE(struct fastenr_oauth, 112);
AT(struct fastenr_oauth, size, 0);
AT(struct fastenr_oauth, flags, 4);
AT(struct fastenr_oauth, grants, 8);
AT(struct fastenr_oauth, reserved, 12);
AT(struct fastenr_oauth, authorize_url, 16);
AT(struct fastenr_oauth, token_url, 32);
AT(struct fastenr_oauth, scopes, 48);
AT(struct fastenr_oauth, optional_scopes, 64);
AT(struct fastenr_oauth, scope_separator, 80);
AT(struct fastenr_oauth, dead, 96);

SIZE(struct fastenr_auth, 72);
AT(struct fastenr_auth, name, 0);
AT(struct fastenr_auth, help, 16);
AT(struct fastenr_auth, secrets, 32);
AT(struct fastenr_auth, headers, 48);
AT(struct fastenr_auth, oauth, 64);

SIZE(struct fastenr_host_pattern, 16);
AT(struct fastenr_host_pattern, name, 0);

SIZE(struct fastenr_limit, 88);
AT(struct fastenr_limit, name, 0);
AT(struct fastenr_limit, kind, 16);
AT(struct fastenr_limit, flags, 20);
AT(struct fastenr_limit, requests, 24);
AT(struct fastenr_limit, per_ms, 32);
AT(struct fastenr_limit, header_limit, 40);
AT(struct fastenr_limit, header_remaining, 56);
AT(struct fastenr_limit, header_per_ms, 72);

SIZE(struct fastenr_response_rule, 72);
AT(struct fastenr_response_rule, status_min, 0);
AT(struct fastenr_response_rule, status_max, 4);
AT(struct fastenr_response_rule, path, 8);
AT(struct fastenr_response_rule, equals, 24);
AT(struct fastenr_response_rule, outcome, 40);
AT(struct fastenr_response_rule, flags, 44);
AT(struct fastenr_response_rule, retry_after_ms, 48);
AT(struct fastenr_response_rule, message, 56);

SIZE(struct fastenr_mapping, 160);
AT(struct fastenr_mapping, to, 0);
AT(struct fastenr_mapping, from, 16);
AT(struct fastenr_mapping, transform, 32);
AT(struct fastenr_mapping, lookup, 48);
AT(struct fastenr_mapping, value, 64);
AT(struct fastenr_mapping, default_value, 80);
AT(struct fastenr_mapping, join, 96);
AT(struct fastenr_mapping, map, 112);
AT(struct fastenr_mapping, scale, 128);
AT(struct fastenr_mapping, take, 144);

SIZE(struct fastenr_object, 176);
AT(struct fastenr_object, name, 0);
AT(struct fastenr_object, label, 16);
AT(struct fastenr_object, canonical, 32);
AT(struct fastenr_object, key, 48);
AT(struct fastenr_object, modified, 64);
AT(struct fastenr_object, scope, 80);
AT(struct fastenr_object, lookback_ms, 96);
AT(struct fastenr_object, mapping, 104);
AT(struct fastenr_object, flags, 120);
AT(struct fastenr_object, write_rows, 124);
AT(struct fastenr_object, write_scope, 128);
AT(struct fastenr_object, associations, 144);
AT(struct fastenr_object, read_only, 160);

SIZE(struct fastenr_connector, 192);
AT(struct fastenr_connector, magic, 0);
AT(struct fastenr_connector, abi_major, 4);
AT(struct fastenr_connector, abi_minor, 8);
AT(struct fastenr_connector, size, 12);
AT(struct fastenr_connector, id, 16);
AT(struct fastenr_connector, name, 32);
AT(struct fastenr_connector, version, 48);
AT(struct fastenr_connector, category, 64);
AT(struct fastenr_connector, reserved, 68);
AT(struct fastenr_connector, options, 72);
AT(struct fastenr_connector, auth, 88);
AT(struct fastenr_connector, hosts, 104);
AT(struct fastenr_connector, limits, 120);
AT(struct fastenr_connector, responses, 136);
AT(struct fastenr_connector, objects, 152);
AT(struct fastenr_connector, required_extensions, 168);
AT(struct fastenr_connector, ops, 184);

SIZE(struct fastenr_header, 32);
AT(struct fastenr_header, name, 0);
AT(struct fastenr_header, value, 16);

SIZE(struct fastenr_request, 88);
AT(struct fastenr_request, size, 0);
AT(struct fastenr_request, flags, 4);
AT(struct fastenr_request, method, 8);
AT(struct fastenr_request, url, 24);
AT(struct fastenr_request, headers, 40);
AT(struct fastenr_request, body, 56);
AT(struct fastenr_request, bucket, 72);

SIZE(struct fastenr_response, 24);
AT(struct fastenr_response, handle, 0);
AT(struct fastenr_response, status, 8);
AT(struct fastenr_response, reserved, 12);
AT(struct fastenr_response, body_len, 16);

SIZE(struct fastenr_page, 152);
AT(struct fastenr_page, size, 0);
AT(struct fastenr_page, reserved, 4);
AT(struct fastenr_page, records, 8);
AT(struct fastenr_page, id, 24);
AT(struct fastenr_page, modified, 40);
AT(struct fastenr_page, fields, 56);
AT(struct fastenr_page, next, 72);
AT(struct fastenr_page, merged, 88);
AT(struct fastenr_page, title, 104);
AT(struct fastenr_page, times, 120);
AT(struct fastenr_page, time, 136);

SIZE(struct fastenr_page_result, 56);
AT(struct fastenr_page_result, size, 0);
AT(struct fastenr_page_result, count, 4);
AT(struct fastenr_page_result, rejected, 8);
AT(struct fastenr_page_result, reserved, 12);
AT(struct fastenr_page_result, max_modified_us, 16);
AT(struct fastenr_page_result, next, 24);
AT(struct fastenr_page_result, last_id, 40);

SIZE(struct fastenr_record, 48);
AT(struct fastenr_record, size, 0);
AT(struct fastenr_record, reserved, 4);
AT(struct fastenr_record, id, 8);
AT(struct fastenr_record, modified_us, 24);
AT(struct fastenr_record, fields, 32);

SIZE(struct fastenr_field, 64);
AT(struct fastenr_field, size, 0);
AT(struct fastenr_field, type, 4);
AT(struct fastenr_field, flags, 8);
AT(struct fastenr_field, reserved, 12);
AT(struct fastenr_field, name, 16);
AT(struct fastenr_field, label, 32);
AT(struct fastenr_field, values, 48);

SIZE(struct fastenr_services, 136);
AT(struct fastenr_services, size, 0);
AT(struct fastenr_services, abi_minor, 4);
AT(struct fastenr_services, log, 8);
AT(struct fastenr_services, fail, 16);
AT(struct fastenr_services, option, 24);
AT(struct fastenr_services, http_start, 32);
AT(struct fastenr_services, http_wait, 40);
AT(struct fastenr_services, http, 48);
AT(struct fastenr_services, json_get, 56);
AT(struct fastenr_services, emit_page, 64);
AT(struct fastenr_services, emit_record, 72);
AT(struct fastenr_services, emit_field, 80);
AT(struct fastenr_services, checkpoint, 88);
AT(struct fastenr_services, release, 96);
AT(struct fastenr_services, progress, 104);
AT(struct fastenr_services, attach, 112);
AT(struct fastenr_services, emit_written, 120);
AT(struct fastenr_services, written, 128);

SIZE(struct fastenr_attach, 72);
AT(struct fastenr_attach, size, 0);
AT(struct fastenr_attach, rows, 8);
AT(struct fastenr_attach, key, 24);
AT(struct fastenr_attach, values, 40);
AT(struct fastenr_attach, field, 56);

SIZE(struct fastenr_written, 120);
AT(struct fastenr_written, size, 0);
AT(struct fastenr_written, outcome, 4);
AT(struct fastenr_written, rows, 8);
AT(struct fastenr_written, write_id, 24);
AT(struct fastenr_written, id, 40);
AT(struct fastenr_written, created, 56);
AT(struct fastenr_written, modified, 72);
AT(struct fastenr_written, fields, 88);
AT(struct fastenr_written, message, 104);

SIZE(struct fastenr_value, 40);
AT(struct fastenr_value, name, 0);
AT(struct fastenr_value, value, 16);
AT(struct fastenr_value, type, 32);
AT(struct fastenr_value, flags, 36);

SIZE(struct fastenr_write_row, 96);
AT(struct fastenr_write_row, write_id, 0);
AT(struct fastenr_write_row, id, 16);
AT(struct fastenr_write_row, key, 32);
AT(struct fastenr_write_row, values, 48);
AT(struct fastenr_write_row, field, 64);
AT(struct fastenr_write_row, other_id, 80);

SIZE(struct fastenr_write, 56);
AT(struct fastenr_write, size, 0);
AT(struct fastenr_write, op, 4);
AT(struct fastenr_write, object, 8);
AT(struct fastenr_write, key_field, 24);
AT(struct fastenr_write, rows, 40);

SIZE(struct fastenr_selector, 112);
AT(struct fastenr_selector, size, 0);
AT(struct fastenr_selector, mode, 4);
AT(struct fastenr_selector, object, 8);
AT(struct fastenr_selector, fields, 24);
AT(struct fastenr_selector, since_us, 40);
AT(struct fastenr_selector, until_us, 48);
AT(struct fastenr_selector, position, 56);
AT(struct fastenr_selector, limit, 72);
AT(struct fastenr_selector, ids, 80);
AT(struct fastenr_selector, timed, 96);

SIZE(struct fastenr_check, 40);
AT(struct fastenr_check, size, 0);
AT(struct fastenr_check, reserved, 4);
AT(struct fastenr_check, account_id, 8);
AT(struct fastenr_check, account_name, 24);

SIZE(struct fastenr_ops, 56);
AT(struct fastenr_ops, size, 0);
AT(struct fastenr_ops, reserved, 4);
AT(struct fastenr_ops, create, 8);
AT(struct fastenr_ops, destroy, 16);
AT(struct fastenr_ops, check, 24);
AT(struct fastenr_ops, discover, 32);
AT(struct fastenr_ops, read, 40);
AT(struct fastenr_ops, write, 48);

SIZE(struct fastenr_json, 32);
AT(struct fastenr_json, buf, 0);
AT(struct fastenr_json, cap, 8);
AT(struct fastenr_json, len, 16);
AT(struct fastenr_json, needs_comma, 24);

_Static_assert(FASTENR_OK == 0 && FASTENR_RETRY_AFTER == 1 && FASTENR_RATE_LIMITED == 2 &&
                   FASTENR_AUTH_FAILED == 3 && FASTENR_BAD_CONFIG == 4 && FASTENR_BAD_RECORD == 5 &&
                   FASTENR_GONE == 6 && FASTENR_CANCELLED == 7 && FASTENR_FAILED == 8,
               "outcomes");

_Static_assert(FASTENR_WRITE_CREATE == 1 && FASTENR_WRITE_UPDATE == 2 &&
                   FASTENR_WRITE_UPSERT == 3 && FASTENR_WRITE_ARCHIVE == 4 &&
                   FASTENR_WRITE_RESTORE == 5 && FASTENR_WRITE_ASSOCIATE == 6 &&
                   FASTENR_WRITE_DISSOCIATE == 7,
               "writes");

/* The frozen sixteen: magic, major, minor, size, as any host will ever read them. */
int main(void)
{
    static const unsigned char magic[] = {'F', 'S', 'T', 'R'};
    static const struct fastenr_connector connector = {.magic = FASTENR_MAGIC,
                                                       .abi_major = 0x04030201,
                                                       .abi_minor = 0x14131211,
                                                       .size = 0x24232221};
    static const unsigned char rest[] = {0x01, 0x02, 0x03, 0x04, 0x11, 0x12,
                                         0x13, 0x14, 0x21, 0x22, 0x23, 0x24};
    const unsigned char *bytes = (const unsigned char *)&connector;
    if (memcmp(bytes, magic, sizeof magic) != 0 ||
        memcmp(bytes + sizeof magic, rest, sizeof rest) != 0) {
        fputs("the first 16 bytes of a descriptor are not magic, major, minor, size\n", stderr);
        return 1;
    }
    return 0;
}
