-- The append as one function: the server keeps the plans of its statements for as long as a connection lives, where a statement sent anew with
-- each batch (nothing may be prepared through pgbouncer) is parsed and planned with each.

-- The connections that may append: each of a node draws a number, and who comes after one that was lost strikes that out. What was sent over
-- the lost one and has not begun yet then finds itself struck out: what was read since stays true.
CREATE TABLE writers (
    id bigint PRIMARY KEY,
    node bigint NOT NULL
);
ALTER TABLE writers OWNER TO ms_migrate;
GRANT SELECT, INSERT, DELETE ON writers TO ms_write;

SET LOCAL ROLE ms_migrate;

-- Runs of events, one a stream (`streams` to `waiting`; a run's place is its index), and their events (`of_streams` to `results`, grouped by
-- run). A stream moves only from the version that its run expects, and only where `partitions` says that the node owns it at the run's epoch;
-- the places of those that do not pass come back in `refused`, and the versions that their streams have in `there`. Raises nothing but MS001: the connection was struck out. Holds the node's
-- lock and the gate (storage/relations/relation.h), shared, until the transaction ends; what is looked at is looked at after they were had.
-- Each table is read by its key, whatever statistics say of it: a plan is made while a table is empty, and used when it is not.
CREATE FUNCTION ms_append(of_node bigint, writer bigint, gate bigint, streams text[], partitions integer[], expected bigint[], added bigint[],
                          epochs bigint[], waiting integer[], of_streams text[], places bigint[], versions bigint[], wall_ms bigint[],
                          names text[], payloads bytea[], command_ids text[], results bytea[],
                          OUT timeline integer, OUT xid bigint, OUT refused bigint[], OUT there bigint[])
    LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    moved bigint[];
    begun text[];
    passed boolean[]; -- by place; NULL: all
    this_xid xid8;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(of_node), pg_advisory_xact_lock_shared(gate);
    PERFORM FROM writers w WHERE w.id = writer;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this connection appends no more' USING ERRCODE = 'MS001';
    END IF;

    WITH done AS (
        UPDATE streams s SET version = b.expected + b.added,
            is_waiting = CASE b.waiting WHEN 0 THEN s.is_waiting ELSE b.waiting = 1 END
          FROM unnest($4, $5, $6, $7, $8, $9) WITH ORDINALITY AS b(stream, partition, expected, added, epoch, waiting, place)
          JOIN partitions p ON p.id = b.partition AND p.owner = of_node AND p.epoch = b.epoch
          WHERE s.stream = b.stream AND s.version = b.expected AND b.expected > 0
          RETURNING b.place
    ) SELECT array_agg(place) INTO moved FROM done;
    IF 0 = ANY ($6) THEN
        WITH done AS (
            INSERT INTO streams (stream, partition, version, is_waiting)
              SELECT b.stream, b.partition, b.added, b.waiting = 1
                FROM unnest($4, $5, $6, $7, $8, $9) AS b(stream, partition, expected, added, epoch, waiting)
                JOIN partitions p ON p.id = b.partition AND p.owner = of_node AND p.epoch = b.epoch
                WHERE b.expected = 0
              ON CONFLICT (stream) DO NOTHING RETURNING stream
        ) SELECT array_agg(stream) INTO begun FROM done;
    END IF;

    refused := '{}';
    there := '{}';
    IF coalesce(cardinality(moved), 0) + coalesce(cardinality(begun), 0) < cardinality($4) THEN
        SELECT array_agg(is_in ORDER BY place), coalesce(array_agg(place ORDER BY place) FILTER (WHERE NOT is_in), '{}'),
               coalesce(array_agg(version ORDER BY place) FILTER (WHERE NOT is_in), '{}')
          INTO passed, refused, there
          FROM (SELECT b.place, coalesce(b.place IN (SELECT unnest(moved)), false) OR coalesce(b.stream IN (SELECT unnest(begun)), false) AS is_in,
                    coalesce((SELECT s.version FROM streams s WHERE s.stream = b.stream), 0) AS version
                  FROM unnest($4) WITH ORDINALITY AS b(stream, place)) AS b;
        PERFORM set_config('ms.refused', refused::text, true);
    END IF;

    this_xid := pg_current_xact_id();
    xid := this_xid::text::bigint;
    -- The one that is being written now, also after a fail-over under an open connection.
    timeline := ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int;
    INSERT INTO events (stream, version, timeline, xid, ordinal, wall_ms, name, payload, command_id, result)
      SELECT e.stream, e.version, $18, this_xid, (e.ordinal - 1)::int, e.wall_ms, e.name, e.payload, e.command_id, e.result
        FROM unnest($10, $11, $12, $13, $14, $15, $16, $17) WITH ORDINALITY
            AS e(stream, place, version, wall_ms, name, payload, command_id, result, ordinal)
        WHERE passed IS NULL OR passed[e.place];
END $$;

RESET ROLE;
