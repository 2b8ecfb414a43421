-- For consumers of the log, who read it in the order of transactions: (xid, seq) > (...) AND xid < ... ORDER BY xid, seq.
CREATE INDEX log_xid ON log (xid, seq);

-- Who follows the log, and how far: what comes after the slowest is not pruned.
CREATE TABLE log_consumer (
  name text COLLATE "C" PRIMARY KEY,
  xid bigint NOT NULL,
  seq bigint NOT NULL,
  at bigint NOT NULL
);

-- ---- what the triggers of postgres_capture.c use ----

CREATE FUNCTION now_us() RETURNS bigint LANGUAGE sql VOLATILE AS
  $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint $$;

-- UUID version 7 (RFC 9562): milliseconds in front of random bits.
CREATE FUNCTION new_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING substring(int8send(
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid $$;

-- The organisation of a record whose writer names none.
CREATE FUNCTION only_organization() RETURNS bigint LANGUAGE plpgsql STABLE SECURITY DEFINER
  SET search_path = fastenr, pg_temp AS $$
DECLARE
  found bigint[] := ARRAY(SELECT id FROM organization LIMIT 2);
BEGIN
  IF cardinality(found) = 1 THEN
    RETURN found[1];
  END IF;
  RAISE EXCEPTION 'fastenr: name the organization of the record: fastenr.organization has more than one, or none yet';
END $$;

-- The host writes its log rows itself. Only who could write to the log anyway is believed.
CREATE FUNCTION is_host() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT coalesce(current_setting('fastenr.host', true) = 'on', false)
    AND has_table_privilege(session_user, 'fastenr.log', 'INSERT') $$;

CREATE FUNCTION refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'fastenr: the records of % cannot be truncated, as the log would not know of it', TG_TABLE_NAME
    USING HINT = 'Use DELETE.';
END $$;

CREATE FUNCTION refuse_new_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'fastenr: key, id and organization of a record never change (% %)', TG_TABLE_NAME, OLD.key
    USING HINT = 'Add another record.';
END $$;

-- Values as the host writes them into bodies of the log.
CREATE FUNCTION log_money(v bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN v < 0 THEN '-' ELSE '' END || abs(v) / 100 || '.' || lpad((abs(v) % 100)::text, 2, '0') $$;
CREATE FUNCTION log_boolean(v bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT CASE WHEN v = 0 THEN 'false' WHEN v IS NOT NULL THEN 'true' END $$;
-- To the year 9999, as a number beyond.
CREATE FUNCTION log_date(v bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN v BETWEEN -719162 AND 2932896
    THEN '"' || to_char(date '1970-01-01' + v::integer, 'YYYY-MM-DD') || '"' ELSE v::text END $$;
CREATE FUNCTION log_time(v bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN v BETWEEN -62135596800000000 AND 253402300799999999
    THEN '"' || to_char(timestamp '1970-01-01' + v * interval '1 microsecond', 'YYYY-MM-DD"T"HH24:MI:SS')
      || CASE WHEN v % 1000 <> 0 THEN to_char(timestamp '1970-01-01' + v * interval '1 microsecond', '.US')
              WHEN v % 1000000 <> 0 THEN to_char(timestamp '1970-01-01' + v * interval '1 microsecond', '.MS')
              ELSE '' END || 'Z"'
    ELSE v::text END $$;
-- A text that is to be JSON; another writer may have put anything there.
CREATE FUNCTION log_json(v text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN v::json::text;
EXCEPTION WHEN OTHERS THEN
  RETURN to_json(v)::text;
END $$;
