#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# completion.bash SCRIPT FASTENR SOURCE_DIR: what bash offers for a line, with the generated completion script.
set -uo pipefail
script=$(realpath "$1") fastenr=$(realpath "$2") source=$(realpath "$3")
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
mkdir -p bin one conf.d folder/inside
ln -s "$fastenr" bin/fastenr
PATH=$work/bin:$PATH
# connection NAME OBJECTS: the head of the file that comes with the project, with these objects.
connection() {
    sed "s/^connection: .*/connection: $1/; /^objects:/,\$d" "$source/conf.d/hubspot.yaml"
    echo "objects: $2"
}
cp "$source/conf.d/fastenr.conf" conf.d/
connection hubspot '{companies: {}, contacts: {}}' >conf.d/hubspot.yaml
connection shop '{companies: {}, tickets: {}}' >one/shop.yaml
unset FASTENR_CONF
failed=0

compopt() { :; } # wants to be called by a completion in progress
. "$script"

# complete LINE: the last word of the line, empty where it ends with a space, is what is completed; what is offered is in $got.
complete_line() {
    read -ra COMP_WORDS <<<"${1//=/ = }"
    [[ $1 != *' ' ]] || COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _fastenr
    got=$(printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | tr '\n' ' ')
}
# offers LINE WORDS
offers() {
    complete_line "$1"
    [ "${got% }" = "$2" ] || {
        echo "FAILED: '$1' offers '${got% }', not '$2'" >&2
        failed=$((failed + 1))
    }
}

offers 'fastenr sy' 'sync'
offers 'fastenr re' 'records resume'
offers 'fastenr quar' 'quarantine'
offers 'fastenr quarantine ' 'list replay show'
offers 'fastenr secrets r' 'rotate'
offers 'fastenr conflicts ' 'list resolve show'
offers 'fastenr writes list --connection ' 'hubspot'
offers 'fastenr help st' 'status'
offers 'fastenr comp' '' # what is for programs is hidden
offers 'fastenr --ver' '--version'
offers 'fastenr sync ' 'hubspot'
offers 'fastenr sync hubspot ' 'companies contacts'
offers 'fastenr sync hubspot companies con' 'contacts'
offers 'fastenr sync hubspot --fu' '--full'
offers 'fastenr sync --full hubspot comp' 'companies'
offers 'fastenr sync -c one ' 'shop'
offers 'fastenr -c one sync ' 'shop'
offers 'fastenr --config=one sync shop t' 'tickets'
offers 'fastenr preview hubspot companies ' ''
offers 'fastenr check hubspot h' 'hubspot'
offers 'fastenr records ac' 'account'
offers 'fastenr records --li' '--limit'
offers 'fastenr records --limit 5 con' 'contact'
offers 'fastenr quarantine list hubspot --object comp' 'companies'
offers 'fastenr runs --connection ' 'hubspot'
offers 'fastenr runs --connection=h' 'hubspot'
offers 'fastenr describe hub' 'hubspot'
offers 'fastenr plugins ' 'approve forget list'
offers 'fastenr plugins approve hub' 'hubspot'
offers 'fastenr plugins forget ' ''
fastenr plugins approve --yes hubspot >/dev/null || failed=$((failed + 1))
offers 'fastenr plugins forget ' 'com.fastenr.hubspot'
offers 'fastenr describe conf' 'conf.d'
offers 'fastenr run -c fol' 'folder'
offers 'fastenr doctor ' ''
offers 'fastenr sync -c nowhere ' ''

# Every command and every option of its help is known; one may be how another one begins.
while read -r command; do
    for option in $("$fastenr" $command --help | sed -n 's/^  \(    \|-., \)\(--[a-z-]*\).*/\2/p'); do
        complete_line "fastenr $command $option"
        [[ " $got" == *" $option "* ]] || offers "fastenr $command $option" "$option"
    done
done < <("$(dirname "$0")/../support/commands.sh" "$fastenr")

[ "$failed" -eq 0 ] || exit 1
echo "completion: all as expected"
