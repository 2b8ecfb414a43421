#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mutations.sh [SEEDS [NAME]]: whether tests/sim/two_way catches deliberate bugs of the engine. Each is put into a copy of
# the tree as it is committed, which is built in a scratch folder; SEEDS (100) seeds are run, and it is said how many catch
# it. Exits 1 when one is caught by none. By hand: it takes minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
seeds=${1:-100} only=${2-}
jobs=${JOBS:-2}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/fastenr-mutations-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
git archive HEAD | tar -x -C "$scratch"
cmake -S "$scratch" -B "$scratch/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo >/dev/null
build() { ninja -j "$jobs" -C "$scratch/build" two_way >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2 && exit 1; }; }

# run: how many of the seeds are not as the model says; a crash or a hang counts for one.
run() {
    local said
    said=$(GO_ON=1 QUIET=1 timeout 900 "$scratch/build/tests/two_way" 1 "$seeds" 2>/dev/null | grep -o '[0-9]* seeds are not' || true)
    echo "${said%% *}"
}

missed=0
# mutation NAME FILE SED: what it does, where, and how.
mutation() {
    local caught
    [ -z "$only" ] || [ "$only" = "$1" ] || return 0
    cp "$scratch/$2" "$scratch/kept"
    sed -i -E "$3" "$scratch/$2"
    ! cmp -s "$scratch/$2" "$scratch/kept" || { echo "mutations: '$1' changes nothing in $2" >&2 && exit 1; }
    build
    caught=$(run)
    printf '%-62s %s of %s\n' "$1" "${caught:-1 (it ended)}" "$seeds"
    [ "${caught:-1}" != 0 ] || missed=$((missed + 1))
    cp "$scratch/kept" "$scratch/$2"
}

build
[ -n "$only" ] || printf '%-62s %s of %s\n' "none" "$(run)" "$seeds"

mutation "what was written is not noted as seen there" core/sync/export_settle.c \
    '/^static void see\(/,/^}/s/^( *)item->link.seen_remote = .*/\1(void)hash;/'
mutation "what was written is not noted as agreed" core/sync/export_settle.c \
    '/^static void see\(/,/^}/s/^( *)export_agree\(.*/\1;/'
mutation "the earlier change counts" core/sync/merge_times.c 's/return ahead < 0 \?/return ahead > 0 ?/'
mutation "source_priority goes by the time" core/sync/merge_times.c \
    's/rule->conflict != CONFLICT_LAST_MODIFIED \|\| remote_at == 0/remote_at == 0/'
mutation "the time of the vendor's field is not looked at" core/sync/merge_times.c \
    's/return last > 0 \? last : item->record->modified_us/return item->record->modified_us/'
mutation "the clocks are taken for the same" core/sync/merge_times.c 's/changed_at \+ b->merge->clock_skew_us/changed_at/'
mutation "what only exports is imported" core/sync/merge.c 's/rule->paused \|\| !rule_imports\(rule\) \|\|/rule->paused ||/'
mutation "a create whose answer was lost is repeated at once" core/sync/export_settle.c \
    '/^static void doubt\(/,/^}/s/if \(unclear \&\& .*/if (unclear \&\& s->group->op == WRITE_RESTORE)/'
mutation "a record is done with after its first write" core/sync/export_settle.c 's/if \(--item->left == 0\)/if (--item->left < 9)/'
mutation "a held field is written" core/sync/export_prepare.c \
    '/^static bool is_held\(/,/^}/s/p->held\[i\].record == record/p->held[i].record == -record/'
mutation "the vendor's record is not looked at before" core/sync/run_export.c 's/if \(x->id_count > 0\)/if (x->id_count > 1000)/'
mutation "no value here is no change" core/sync/export_gather.c \
    's/return shadow_find\(due->link/return value->state != VALUE_NULL \&\& shadow_find(due->link/'
mutation "what was archived there is not noted" core/sync/export_settle.c \
    '/^static void settle_archive\(/,/^}/s/\.ended = LINK_ARCHIVED/.ended = LINK_LIVE/'
mutation "a record ends though another connection has it" core/sync/merge_end.c 's/if \(holders\[i\]\.live > 0\)/if (holders[i].live > 9)/'
mutation "what another connection brings in is not exported" core/store/sqlite_export.c \
    's/WHERE r\.id = l\.run AND r\.connection = \?5\)/WHERE r.id = l.run AND ?5 > 0)/'
mutation "a reference that waits is forgotten" core/sync/export_prepare.c \
    's/item->left \+= verdict == FIELD_WAITS;/item->left += 0;/'
mutation "a first match empties what is here" core/sync/merge_write.c \
    's/^( *return )!is_first_meeting\(item\)/\1(item != NULL)/'
mutation "after a lost answer only the match tells" core/sync/merge.c 's/if \(batch_match_doubted\(b, err\) != 0\)/if (0)/'
mutation "the vendor's word for a value is taken for a change" core/sync/export_settle.c \
    '/^static struct str kept_text\(/,/^}/s/if \(!value\)/if (value || !value)/'
mutation "associations are not taken away" core/sync/export_prepare.c 's/if \(!none\)/if (none \&\& !none)/'
mutation "what one side took out of a list comes back" core/sync/list_merge.c 's/!has\(base, text\)/(true || !has(base, text))/'
mutation "a list that was written is not kept as agreed on" core/sync/export_internal.h \
    's/if \(rule_keeps_base\(rule\)\)/if (rule_keeps_base(rule) \&\& false)/'
mutation "a page from before a write beside the read is merged" core/sync/merge.c \
    '/^static void drop_newer\(/,/^}/s/if \(!newer \|\| newer->count == 0\)/if (!newer || newer->count < 99999)/'
mutation "the read goes on before what is beside it has ended" core/sync/run_beside.c \
    '/^bool run_beside_waits\(/,/^}/s/if \(!run->beside\)/if (!run->beside || run->session)/'
exit $((missed > 0))
