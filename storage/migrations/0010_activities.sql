-- What listeners did that their followers may see: docs/decisions/0011-relational-tables.md.

SET LOCAL ROLE ms_migrate;

CREATE TABLE activities (
    user_id text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    kind text COLLATE "C" NOT NULL, -- favourite, rating, playlist, follow
    track_id bigint, -- of the first two
    rating integer,
    object_id text COLLATE "C", -- the playlist, or who is followed
    at timestamptz NOT NULL,
    PRIMARY KEY (user_id, number)
);

-- Whom a reader follows: as ms_my_rooms().
CREATE FUNCTION ms_followed() RETURNS text[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(f.followed_id), '{}') FROM follows f WHERE f.follower_id = ms_uid()
$$;
REVOKE ALL ON FUNCTION ms_followed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ms_followed TO ms_read;

ALTER TABLE activities ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY nodes ON activities TO ms_migrate, ms_write USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON activities FOR SELECT TO ms_read USING (user_id = (SELECT ms_uid()));
CREATE POLICY followed_rows ON activities FOR SELECT TO ms_read USING (user_id = ANY ((SELECT ms_followed())::text[]));
GRANT SELECT ON activities TO ms_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON activities TO ms_write;

CREATE VIEW analyst.activities AS SELECT user_id, number, kind, track_id, rating, object_id, at FROM activities;
GRANT SELECT ON analyst.activities TO ms_analyst;

-- Of a journal that is empty they are complete; else the node builds them when it starts. The settings are built again: their values
-- were not the words that they should have been.
INSERT INTO projections (name, format) SELECT 'activities', 1 WHERE NOT EXISTS (SELECT FROM events);
UPDATE projections SET format = 2 WHERE name = 'settings' AND NOT EXISTS (SELECT FROM events);

RESET ROLE;
