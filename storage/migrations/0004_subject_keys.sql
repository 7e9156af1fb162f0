-- The users' keys, wrapped by the master key, which is never here: storage/postgres/vault_postgres.h. Nobody but a node's login reads
-- them: ms_read and ms_analyst have no right to, and no policy.

CREATE TABLE subject_keys (
    subject text COLLATE "C" PRIMARY KEY CHECK (octet_length(subject) BETWEEN 1 AND 47),
    record bytea NOT NULL CHECK (octet_length(record) <= 128), -- as storage/crypt/vault_record.h has it; all zeros behind its state: erased
    changed bigint NOT NULL -- the number of the change that wrote it
);
ALTER TABLE subject_keys ALTER COLUMN record SET STORAGE PLAIN;
CREATE UNIQUE INDEX subject_keys_changed ON subject_keys (changed);

-- The number of the newest change. Each change holds this row until it is committed, so who has read up to a number skipped none.
CREATE TABLE subject_key_changes (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    number bigint NOT NULL
);
INSERT INTO subject_key_changes (number) VALUES (0);

-- The nodes that use the keys, and how far each has read the changes: a rotation of the master key and an erasure wait for them.
CREATE TABLE subject_key_readers (
    reader text COLLATE "C" PRIMARY KEY CHECK (octet_length(reader) <= 64),
    reached bigint NOT NULL,
    seen_at timestamptz NOT NULL
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['subject_keys', 'subject_key_changes', 'subject_key_readers'] LOOP
        EXECUTE format('ALTER TABLE %I OWNER TO ms_migrate', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY nodes ON %I TO ms_migrate, ms_write USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON subject_keys TO ms_write;
GRANT SELECT, UPDATE ON subject_key_changes TO ms_write;
GRANT SELECT, INSERT, UPDATE, DELETE ON subject_key_readers TO ms_write;
