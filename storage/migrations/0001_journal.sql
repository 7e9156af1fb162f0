-- The journal (ARCHITECTURE §4, §5): streams, their events in one feed, snapshots, and the fence.
-- A position of the feed is (timeline, xid, ordinal): see storage/postgres/journal_postgres.h.

CREATE TABLE partitions (
    id integer PRIMARY KEY CHECK (id BETWEEN 0 AND 16383),
    owner bigint NOT NULL, -- the node that may append; 0 is the only node of an installation without a cluster
    epoch bigint NOT NULL CHECK (epoch >= 1)
);
INSERT INTO partitions (id, owner, epoch) SELECT id, 0, 1 FROM generate_series(0, 16383) AS id;

CREATE TABLE streams (
    stream text COLLATE "C" PRIMARY KEY CHECK (octet_length(stream) BETWEEN 1 AND 255),
    partition integer NOT NULL,
    version bigint NOT NULL CHECK (version >= 1)
) WITH (fillfactor = 80);

CREATE TABLE events (
    stream text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    timeline integer NOT NULL,
    xid xid8 NOT NULL,
    ordinal integer NOT NULL,
    wall_ms bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    payload bytea NOT NULL,
    command_id text COLLATE "C" NOT NULL,
    result bytea NOT NULL,
    PRIMARY KEY (stream, version)
);
CREATE UNIQUE INDEX events_by_position ON events (timeline, xid, ordinal);

CREATE TABLE snapshots (
    stream text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    state bytea NOT NULL
);
