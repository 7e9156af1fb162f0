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

RESET ROLE;
