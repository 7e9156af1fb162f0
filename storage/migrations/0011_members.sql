-- Who is in the cluster: docs/decisions/0025-membership-table.md and cluster/members. One row a start of a node; one row of `cluster` for all of it,
-- whose version every change of a status or a vote raises by one.

SET LOCAL ROLE ms_migrate;

CREATE SEQUENCE cluster_nodes AS bigint START 1; -- numbers of node starts

CREATE TABLE cluster (
    id integer PRIMARY KEY CHECK (id = 1),
    version bigint NOT NULL CHECK (version >= 1),
    lease_ms bigint NOT NULL -- the same for all; 0: nobody has said so yet
);
INSERT INTO cluster (id, version, lease_ms) VALUES (1, 1, 0);

CREATE TABLE members (
    node bigint PRIMARY KEY CHECK (node > 0),
    status integer NOT NULL CHECK (status BETWEEN 1 AND 4), -- joining, active, leaving, dead
    roles integer NOT NULL,
    weight integer NOT NULL,
    level integer NOT NULL,
    joined bigint NOT NULL, -- versions; 0: it has not
    died bigint NOT NULL,
    acknowledged bigint NOT NULL, -- the newest version that it has taken; -1: it runs no more, for certain
    seen_ms bigint NOT NULL,      -- by this server's clock
    votes bigint[] NOT NULL,      -- who suspects it and when (ms): node, at, node, at, ...
    key bytea NOT NULL CHECK (octet_length(key) = 32),
    address text COLLATE "C" NOT NULL CHECK (octet_length(address) BETWEEN 1 AND 71),
    zone text COLLATE "C" NOT NULL CHECK (octet_length(zone) <= 31),
    details text COLLATE "C" NOT NULL CHECK (octet_length(details) <= 8192)
);

CREATE FUNCTION ms_now_ms() RETURNS bigint LANGUAGE sql VOLATILE
    RETURN (extract(epoch FROM clock_timestamp()) * 1000)::bigint;

-- What counts as the version: where another server took over without the newest changes, all that it says from then on is newer than all that
-- was said before. (It is the timeline that is written now, as in 0006_append.sql: a standby has none, and fails.)
CREATE FUNCTION ms_view_version(version bigint) RETURNS bigint LANGUAGE sql VOLATILE
    RETURN greatest(version, (('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int - 1)::bigint << 40);

GRANT USAGE ON SEQUENCE cluster_nodes TO ms_write;
GRANT SELECT, UPDATE ON cluster TO ms_write;
GRANT SELECT, INSERT, UPDATE, DELETE ON members TO ms_write;

-- As in 0006_append.sql, but `there` tells apart what is refused: -1 is a partition that is not the node's at that epoch.
CREATE OR REPLACE FUNCTION ms_append(of_node bigint, writer bigint, gate bigint, streams text[], partitions integer[], expected bigint[], added bigint[],
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
                    CASE WHEN EXISTS (SELECT FROM partitions p WHERE p.id = b.partition AND p.owner = of_node AND p.epoch = b.epoch)
                      THEN coalesce((SELECT s.version FROM streams s WHERE s.stream = b.stream), 0) ELSE -1 END AS version
                  FROM unnest($4, $5, $8) WITH ORDINALITY AS b(stream, partition, epoch, place)) AS b;
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
