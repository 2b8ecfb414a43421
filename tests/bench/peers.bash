# SPDX-License-Identifier: Apache-2.0
# peers: the same import through programs that people use for it. Sourced by script/bench.

about="The same $records companies and contacts with the same properties, from one sandbox, in turns. dlt: its declarative \
rest_api source, appending, the least that it can do. Airbyte's Python CDK: a low-code source whose records go to a \
file, one JSON object a line, counted there; it has no destination of its own. fastenr keeps links and a log besides, and \
has every commit on disk. CPU and memory are those of the importing processes, without a database's."

properties_companies='name,domain,industry,hs_parent_company_id,website,phone,city,state,country,numberofemployees,annualrevenue,lifecyclestage,hubspot_owner_id'
properties_contacts='associatedcompanyid,firstname,lastname,email,phone,jobtitle,mobilephone,city,country,lifecyclestage,hs_lead_status,hubspot_owner_id'

# python_with FOLDER PACKAGE...: a virtual environment with them, in $python; 1 when they cannot be had.
python_with() {
    local folder=$PWD/build/bench/$1
    shift
    python=$folder/bin/python
    [ ! -f "$folder/complete" ] || return 0
    command -v python3 >/dev/null || {
        why="there is no python3"
        return 1
    }
    progress "installing $* into build/bench/"
    mkdir -p build/bench
    if ! { python3 -m venv "$folder" && "$folder/bin/pip" install -q "$@"; } >"$dir/pip.log" 2>&1; then
        why="pip cannot install $*: $(tail -1 "$dir/pip.log")"
        return 1
    fi
    touch "$folder/complete"
}

package_version() { "$python" -c "import importlib.metadata as m; print(m.version('$1'))"; }

# put WHO RECORDS
put() {
    value import "$1" speed records/s "$(of "$2 * 1000000 / $wall_us")"
    value import "$1" CPU us/record "$(of "$cpu_us / $2")"
    value import "$1" "peak memory" MiB "$(of "$peak_kib / 1024")"
}

ours() {
    use_store "$1"
    configure
    timed_sync
    put "fastenr, $(store_title "$1")" "$(stored)"
    drop_store
}

# peer OUTPUT COMMAND...: sets $wall_us, $cpu_us, $peak_kib.
peer() {
    local output=$1 status
    shift
    read -r wall_us cpu_us peak_kib status < <("$tools/measure" -o "$output" "$@")
    [ "$status" = 0 ] || {
        tail -5 "$output" >&2
        return 1
    }
}

# The end of a log, as one line.
last_words() { grep -v '^[[:space:]]*$' "$1" | tail -3 | tr '\n' ' ' | cut -c1-300; }

dlt_import() {
    local url n
    if [ "$1" = sqlite ]; then
        url=sqlite:///$dir/dlt.db
    else
        admin "DROP DATABASE IF EXISTS dlt" && admin "CREATE DATABASE dlt"
        # It wants a password, asked for or not, and the socket's folder in the place of the host.
        url=postgresql://owner:none@${pg_dir//\//%2F}:5432/dlt
    fi
    rm -rf "$dir/dlt.db" "$dir/dlt"
    peer "$dir/dlt.log" env DLT_DATA_DIR="$dir/dlt" RUNTIME__DLTHUB_TELEMETRY=false RUNTIME__LOG_LEVEL=ERROR "$dlt_python" \
        tests/bench/peers/dlt_import.py "http://127.0.0.1:$port" "$url" "$properties_companies" "$properties_contacts" || {
        skip "dlt into $(store_title "$1"): it failed: $(last_words "$dir/dlt.log")"
        return 0
    }
    if [ "$1" = sqlite ]; then
        # It keeps a file for each data set beside the one that it is given.
        n=$(sqlite3 -readonly "$dir/dlt__crm.db" "SELECT (SELECT count(*) FROM companies) + (SELECT count(*) FROM contacts)")
    else
        n=$(psql -XAtq "$(other_database dlt)" -c "SELECT (SELECT count(*) FROM crm.companies) + (SELECT count(*) FROM crm.contacts)")
    fi
    rm -f "$dir"/dlt*.db*
    put "$dlt_name, $(store_title "$1")" "$n"
}

airbyte_import() {
    local n
    sed -e "s|@ORIGIN@|http://127.0.0.1:$port|; s|@COMPANIES@|$properties_companies|; s|@CONTACTS@|$properties_contacts|" \
        tests/bench/peers/airbyte.yaml >"$dir/airbyte.yaml"
    peer "$dir/airbyte.out" "$airbyte_python" tests/bench/peers/airbyte_import.py "$dir/airbyte.yaml" || {
        skip "Airbyte's CDK: it failed: $(last_words "$dir/airbyte.out")"
        return 0
    }
    n=$(grep -c '"type":"RECORD"' "$dir/airbyte.out") || n=0
    [ "$n" -gt 0 ] || {
        skip "Airbyte's CDK: no record came: $(last_words "$dir/airbyte.out")"
        return 0
    }
    put "$airbyte_name, a file" "$n"
}

# started NAME COMMAND...: how long until it could begin.
started() {
    local who=$1 us cpu peak status
    shift
    while read -r us cpu peak status; do
        value start "$who" "start" ms "$(of "$us / 1000")"
    done < <("$tools/measure" -n "$rounds" "$@")
}

measure_it() {
    local round s why dlt_python='' airbyte_python='' dlt_name airbyte_name
    if python_with dlt 'dlt[sqlalchemy,postgres]' psycopg2-binary; then
        dlt_python=$python dlt_name="dlt $(package_version dlt)"
    else
        skip "dlt: $why"
    fi
    if python_with airbyte airbyte-cdk; then
        airbyte_python=$python airbyte_name="Airbyte CDK $(package_version airbyte-cdk)"
    else
        skip "Airbyte's CDK: $why"
    fi
    sandbox_of "$records"
    for ((round = 1; round <= rounds; round++)); do
        for s in $stores; do
            progress "round $round of $rounds: $(store_title "$s")"
            ours "$s"
            [ -z "$dlt_python" ] || dlt_import "$s"
        done
        [ -z "$airbyte_python" ] || airbyte_import
    done
    started fastenr "$fastenr" --version
    [ -z "$dlt_python" ] || started "$dlt_name" "$dlt_python" -c 'import dlt; from dlt.sources.rest_api import rest_api_source'
    [ -z "$airbyte_python" ] || started "$airbyte_name" "$airbyte_python" -c \
        'from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource'
    plot peers-speed "The same import" speed
    plot peers-cpu "CPU of the same import" CPU
    plot peers-memory "Greatest memory of the same import" "peak memory"
    store=${STORE:-sqlite}
    stop_sandbox
}
