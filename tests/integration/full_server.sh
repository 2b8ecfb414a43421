#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The database server's disk is full in the middle of a sync: it says so, nothing is half done, and it goes on when there
# is room. The server is made to say it (SQLSTATE 53100), since filling a disk takes one's own.
. "$(dirname "$0")/host.bash"

start_sandbox --companies 100 --contacts 100 --limits off
configure
sync
expect_equal
control POST mutate '{"create":{"companies":1500,"contacts":500}}' >/dev/null
control POST clock '{"advance_ms":60000}' >/dev/null
query "CREATE SEQUENCE test_room MAXVALUE 1000000;
CREATE FUNCTION test_full() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
    IF nextval('test_room') > 700 THEN
        RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
    END IF;
    RETURN NEW; END \$\$;
CREATE TRIGGER test_full BEFORE INSERT ON account FOR EACH ROW EXECUTE FUNCTION test_full();"
if "$fastenr" sync -c "$conf" hubspot >"$dir/out" 2>&1; then fail "a full disk was not felt: $(cat "$dir/out")"; fi
grep -q 'No space left on device' "$dir/out" || fail "it does not say what the server said: $(cat "$dir/out")"
grep -q 'make room' "$dir/out" || fail "it does not say what to do: $(cat "$dir/out")"
expect "records without a log row" "$(query "SELECT count(*) FROM account a WHERE NOT EXISTS (SELECT 1 FROM log l WHERE l.record = a.key)")" 0
query 'DROP TRIGGER test_full ON account; DROP FUNCTION test_full; DROP SEQUENCE test_room'
sync
expect_equal
