#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# package.sh: in a fresh Debian, beside the packages: installs them, uses them as the service does, removes and purges them.
set -euo pipefail
cd "$(dirname "$0")"
export DEBIAN_FRONTEND=noninteractive

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
expect() { [ "$2" = "$3" ] || fail "$1: '$2', not '$3'"; }
service=(setpriv --reuid fastenr --regid fastenr --clear-groups --no-new-privs)
as_service() { "${service[@]}" "$@"; }

echo "-- install"
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/fast # this system is thrown away
apt-get -q update
apt-get -q -y --no-install-recommends install ./fastenr_*.deb ./fastenr-dev_*.deb
expect "the state folder" "$(stat -c '%U:%G %a' /var/lib/fastenr)" "fastenr:fastenr 700"
expect "the configuration" "$(stat -c '%U:%G %a' /etc/fastenr)" "root:fastenr 750"
expect "the user's shell" "$(getent passwd fastenr | cut -d: -f7)" /usr/sbin/nologin
[ -e /lib/systemd/system/fastenr.service ] || fail "no unit"
grep -q '^ExecStart=/usr/bin/fastenr run -c /etc/fastenr$' /lib/systemd/system/fastenr.service || fail "the unit starts something else"

echo "-- the tour as the service's user"
as_service ./tour.sh /usr/bin /usr/share/doc/fastenr/examples/conf.d
echo "-- the tour under the unit's filter of system calls"
as_service ./confine allowed ./tour.sh /usr/bin /usr/share/doc/fastenr/examples/conf.d
free=$(as_service fastenr doctor | grep ' jail: ')
confined=$(as_service ./confine allowed fastenr doctor | grep ' jail: ')
expect "layers of the jail" "$confined" "$free"

echo "-- settings of the package"
as_service fastenr check -c /etc/fastenr
cp /usr/share/doc/fastenr/examples/conf.d/hubspot.yaml /etc/fastenr/
chown root:fastenr /etc/fastenr/hubspot.yaml
as_service fastenr check # /etc/fastenr is where it looks
"${service[@]}" fastenr run -c /etc/fastenr 2>run.log &
run=$!
trap 'kill "$run" 2>/dev/null || true' EXIT
for _ in {1..100}; do
    grep -q '1 connection of' run.log && break
    sleep 0.05
done
kill -TERM "$run"
wait "$run" || fail "run ended with $?: $(cat run.log)"
[ -s /var/lib/fastenr/fastenr.db ] || fail "the store is not in /var/lib/fastenr"

echo "-- an upgrade keeps settings and store"
echo '// mine' >>/etc/fastenr/fastenr.conf
chmod 0700 /etc/fastenr
apt-get -q -y --reinstall install ./fastenr_*.deb
grep -q '^// mine' /etc/fastenr/fastenr.conf || fail "a changed setting was overwritten"
expect "the configuration's mode" "$(stat -c %a /etc/fastenr)" 700

echo "-- removal keeps them, purging takes the store"
apt-get -q -y remove fastenr
[ -s /var/lib/fastenr/fastenr.db ] && [ -s /etc/fastenr/fastenr.conf ] || fail "removal took data away"
[ ! -e /usr/bin/fastenr ] || fail "it is still there"
apt-get -q -y purge fastenr
[ ! -e /var/lib/fastenr ] || fail "the store is still there after a purge"
[ ! -e /etc/fastenr/fastenr.conf ] || fail "the settings are still there after a purge"
[ -s /etc/fastenr/hubspot.yaml ] || fail "a connection file of one's own was taken away"
