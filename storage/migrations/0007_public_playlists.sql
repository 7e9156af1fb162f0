-- Playlists that their owners show to everybody: docs/decisions/0011-relational-tables.md.

SET LOCAL ROLE ms_migrate;

ALTER TABLE playlists ADD COLUMN is_public boolean NOT NULL DEFAULT false;

-- A build that was cut short has tables without the column: it begins again.
DO $$
DECLARE
    part text;
BEGIN
    FOR part IN SELECT unnest(tables) FROM projection_builds WHERE name = 'playlists' LOOP
        EXECUTE format('DROP TABLE IF EXISTS rebuilding.%I', part);
    END LOOP;
    DELETE FROM projection_builds WHERE name = 'playlists';
END $$;

-- A function, not a subquery in the policy: a policy would hold on to the table that a rebuild takes away, and entries have no flag of
-- their own, so that publishing a list writes one row.
CREATE FUNCTION ms_is_public(wanted text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM playlists p WHERE p.playlist_id = wanted AND p.is_public)
$$;
REVOKE ALL ON FUNCTION ms_is_public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ms_is_public TO ms_read;

-- Everybody: every listener. A reader who is nobody sees no rows.
CREATE POLICY public_rows ON playlists FOR SELECT TO ms_read USING (is_public AND (SELECT ms_uid()) IS NOT NULL);
CREATE POLICY public_rows ON playlist_tracks FOR SELECT TO ms_read
    USING ((SELECT ms_uid()) IS NOT NULL AND ms_is_public(playlist_id));

CREATE OR REPLACE VIEW analyst.playlists AS
    SELECT playlist_id, user_id, version, created_at, changed_at, cardinality(entry_ids) AS track_count, is_public FROM playlists;

RESET ROLE;
