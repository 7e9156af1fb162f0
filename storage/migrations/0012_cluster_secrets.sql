-- What the nodes of a cluster share and nobody else may know, sealed with a key derived from the cluster key, which is never here:
-- storage/postgres/cluster_secrets.h.

CREATE TABLE cluster_secrets (
    name text COLLATE "C" PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 32),
    version bigint NOT NULL CHECK (version > 0),
    sealed bytea NOT NULL CHECK (octet_length(sealed) <= 16640)
);

ALTER TABLE cluster_secrets OWNER TO ms_migrate;
ALTER TABLE cluster_secrets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY nodes ON cluster_secrets TO ms_migrate, ms_write USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON cluster_secrets TO ms_write;
