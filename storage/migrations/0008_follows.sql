-- Who follows whom: docs/decisions/0011-relational-tables.md. Both ends may read a row, nobody else.

SET LOCAL ROLE ms_migrate;

CREATE TABLE follows (
    follower_id text COLLATE "C" NOT NULL,
    followed_id text COLLATE "C" NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (follower_id, followed_id)
);
CREATE INDEX follows_of_followed ON follows (followed_id);
ALTER TABLE follows ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY nodes ON follows TO ms_migrate, ms_write USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON follows FOR SELECT TO ms_read USING ((SELECT ms_uid()) IN (follower_id, followed_id));
GRANT SELECT ON follows TO ms_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON follows TO ms_write;

CREATE VIEW analyst.follows AS SELECT follower_id, followed_id, since FROM follows;
GRANT SELECT ON analyst.follows TO ms_analyst;

-- Of a journal that is empty they are complete; else the node builds them when it starts.
INSERT INTO projections (name, format) SELECT 'follows', 1 WHERE NOT EXISTS (SELECT FROM events);

RESET ROLE;
