-- The relational tables, who may touch them, and how they are built again: docs/decisions/0011-relational-tables.md.
-- No column holds what a listener wrote or is called: names of people, devices and playlists stay in their sealed events.

-- ---- roles ----

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['ms_migrate', 'ms_write', 'ms_read', 'ms_analyst'] LOOP
        IF to_regrole(wanted) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this server was quicker
            END;
        END IF;
    END LOOP;
    -- What a single login needs that migrates, writes and reads.
    FOREACH wanted IN ARRAY ARRAY['ms_migrate', 'ms_write', 'ms_read'] LOOP
        IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
        END IF;
    END LOOP;
END $$;

GRANT USAGE, CREATE ON SCHEMA public TO ms_migrate;
GRANT USAGE ON SCHEMA public TO ms_write, ms_read;
CREATE SCHEMA rebuilding AUTHORIZATION ms_migrate; -- projections that are being built again
CREATE SCHEMA replaced AUTHORIZATION ms_migrate;   -- and, within one transaction, those they take the place of
CREATE SCHEMA analyst AUTHORIZATION ms_migrate;    -- views for statistics

ALTER TABLE migrations OWNER TO ms_migrate;
ALTER TABLE partitions OWNER TO ms_migrate;
ALTER TABLE streams OWNER TO ms_migrate;
ALTER TABLE events OWNER TO ms_migrate;
ALTER TABLE snapshots OWNER TO ms_migrate;
GRANT SELECT ON migrations TO ms_write;
GRANT SELECT, UPDATE ON partitions TO ms_write;
GRANT SELECT, INSERT, UPDATE ON streams TO ms_write;
GRANT SELECT, INSERT ON events TO ms_write;
GRANT SELECT, INSERT, UPDATE, DELETE ON snapshots TO ms_write;

SET LOCAL ROLE ms_migrate;

-- ---- what statements share ----

-- The runs of a batch that the compare-and-set refused: their events are not projected (journal_postgres_batch.c).
CREATE FUNCTION ms_refused() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(nullif(current_setting('ms.refused', true), '')::bigint[], '{}'::bigint[]);

-- Milliseconds since 1970 as a time that every table can hold.
CREATE FUNCTION ms_time(ms bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_timestamp(least(greatest(ms, 0), 4102444799999) / 1000::float8);

-- Whose rows a reader sees.
CREATE FUNCTION ms_uid() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('ms.uid', true), '');

-- ---- accounts ----

CREATE TABLE users (
    user_id text COLLATE "C" PRIMARY KEY,
    role integer NOT NULL,
    created_at timestamptz NOT NULL,
    password_changed_at timestamptz NOT NULL
);

-- One a signed-in device.
CREATE TABLE sessions (
    user_id text COLLATE "C" NOT NULL,
    sid text COLLATE "C" NOT NULL,
    counter integer NOT NULL,
    started_at timestamptz NOT NULL,
    used_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, sid)
);

-- ---- devices: what plays ----

CREATE TABLE devices (
    user_id text COLLATE "C" NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, device_id)
);

-- ---- tastes ----

CREATE TABLE favourites (
    user_id text COLLATE "C" NOT NULL,
    track_id bigint NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (user_id, track_id)
);

CREATE TABLE ratings (
    user_id text COLLATE "C" NOT NULL,
    track_id bigint NOT NULL,
    rating integer NOT NULL,
    rated_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, track_id)
);

-- ---- plays ----

-- A partition a month, made when its first play comes (ms_plays_months).
CREATE TABLE plays (
    user_id text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    track_id bigint NOT NULL,
    played_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, number, played_at)
) PARTITION BY RANGE (played_at);
CREATE TABLE plays_before PARTITION OF plays FOR VALUES FROM (MINVALUE) TO ('2000-01-01 00:00:00+00');

-- What another program knew of a listener's plays.
CREATE TABLE imported_plays (
    user_id text COLLATE "C" NOT NULL,
    track_id bigint NOT NULL,
    plays bigint NOT NULL,
    last_played_at timestamptz,
    PRIMARY KEY (user_id, track_id)
);

-- ---- playlists ----

CREATE TABLE playlists (
    playlist_id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL, -- the owner
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    next_entry_id bigint NOT NULL,
    entry_ids bigint[] NOT NULL -- the order: an edit in the middle moves no row
);
CREATE INDEX playlists_of_user ON playlists (user_id);

CREATE TABLE playlist_tracks (
    playlist_id text COLLATE "C" NOT NULL,
    entry_id bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    track_id bigint NOT NULL,
    duration_ms bigint NOT NULL,
    added_at timestamptz NOT NULL,
    PRIMARY KEY (playlist_id, entry_id)
);

-- ---- catalog ----

CREATE TABLE tracks (
    track_id bigint PRIMARY KEY,
    root text COLLATE "C" NOT NULL,
    path bytea NOT NULL,
    size_bytes bigint NOT NULL,
    added_at timestamptz NOT NULL,
    is_available boolean NOT NULL,
    unavailable_reason text NOT NULL,
    album_id bigint NOT NULL,
    disc integer NOT NULL,
    number integer NOT NULL,
    title text NOT NULL,
    sort_title text NOT NULL,
    date text NOT NULL,
    composer text NOT NULL,
    mb_recording text NOT NULL,
    duration_ms bigint NOT NULL,
    codec text NOT NULL,
    container text NOT NULL,
    bit_rate integer NOT NULL,
    sample_rate integer NOT NULL,
    channels integer NOT NULL,
    bits integer NOT NULL,
    audio_hash text NOT NULL,
    samples bigint NOT NULL,
    has_gain boolean NOT NULL,
    track_gain_cdb bigint NOT NULL,
    track_peak float8 NOT NULL,
    album_gain_cdb bigint NOT NULL,
    album_peak float8 NOT NULL,
    loudness_mlufs bigint NOT NULL, -- 0: not measured
    artwork text NOT NULL,
    artwork_color text NOT NULL
);
CREATE INDEX tracks_of_album ON tracks (album_id, disc, number);

-- Named by the track with the lowest number that was ever on it.
CREATE TABLE albums (
    album_id bigint PRIMARY KEY,
    named_by bigint NOT NULL,
    title text NOT NULL,
    sort_title text NOT NULL,
    date text NOT NULL,
    original_date text NOT NULL,
    is_compilation boolean NOT NULL,
    is_mixed boolean NOT NULL, -- turned out to be of various artists
    mb_release text NOT NULL,
    mb_release_group text NOT NULL
);

CREATE TABLE artists (
    artist_id bigint PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    sort_name text COLLATE "C" NOT NULL,
    mbid text COLLATE "C" NOT NULL
);

-- What a file's tags say of a track and of its album.
CREATE TABLE credits (
    track_id bigint NOT NULL,
    is_album boolean NOT NULL,
    place integer NOT NULL,
    artist_id bigint NOT NULL,
    role integer NOT NULL,
    join_phrase text NOT NULL,
    PRIMARY KEY (track_id, is_album, place)
);
CREATE INDEX credits_of_artist ON credits (artist_id);

CREATE TABLE genres (
    genre_id bigint PRIMARY KEY,
    name text COLLATE "C" NOT NULL
);

CREATE TABLE track_genres (
    track_id bigint NOT NULL,
    place integer NOT NULL,
    genre_id bigint NOT NULL,
    PRIMARY KEY (track_id, place)
);
CREATE INDEX track_genres_of_genre ON track_genres (genre_id);

CREATE TABLE lyrics (
    track_id bigint PRIMARY KEY,
    is_synced boolean NOT NULL,
    text text NOT NULL, -- empty: the blob has them
    blob text NOT NULL
);

-- ---- rights ----

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['users', 'sessions', 'devices', 'favourites', 'ratings', 'plays', 'imported_plays',
                                'playlists', 'playlist_tracks'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY nodes ON %I TO ms_migrate, ms_write USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY own_rows ON %I FOR SELECT TO ms_read USING (user_id = (SELECT ms_uid()))', name);
        EXECUTE format('GRANT SELECT ON %I TO ms_read', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO ms_write', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['tracks', 'albums', 'artists', 'credits', 'genres', 'track_genres', 'lyrics'] LOOP
        EXECUTE format('GRANT SELECT ON %I TO ms_read', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO ms_write', name);
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA rebuilding TO ms_write;

-- ---- views ----

-- The entries of playlists in their order; a reader sees their own.
CREATE VIEW playlist_entries WITH (security_invoker = true) AS
    SELECT p.playlist_id, p.user_id, o.place, t.entry_id, t.track_id, t.duration_ms, t.added_at
      FROM playlists p
      CROSS JOIN LATERAL unnest(p.entry_ids) WITH ORDINALITY AS o(entry_id, place)
      JOIN playlist_tracks t ON t.playlist_id = p.playlist_id AND t.entry_id = o.entry_id;
GRANT SELECT ON playlist_entries TO ms_read;

GRANT USAGE ON SCHEMA analyst TO ms_analyst;
CREATE VIEW analyst.users AS SELECT user_id, role, created_at FROM users;
CREATE VIEW analyst.sessions AS SELECT user_id, started_at, used_at FROM sessions;
CREATE VIEW analyst.devices AS SELECT user_id, seen_at FROM devices;
CREATE VIEW analyst.favourites AS SELECT user_id, track_id, since FROM favourites;
CREATE VIEW analyst.ratings AS SELECT user_id, track_id, rating, rated_at FROM ratings;
CREATE VIEW analyst.plays AS SELECT user_id, track_id, played_at FROM plays;
CREATE VIEW analyst.imported_plays AS SELECT user_id, track_id, plays, last_played_at FROM imported_plays;
CREATE VIEW analyst.playlists AS
    SELECT playlist_id, user_id, version, created_at, changed_at, cardinality(entry_ids) AS track_count FROM playlists;
CREATE VIEW analyst.tracks AS
    SELECT track_id, album_id, disc, number, title, date, duration_ms, codec, is_available, added_at FROM tracks;
CREATE VIEW analyst.albums AS SELECT album_id, title, date, is_compilation OR is_mixed AS is_compilation FROM albums;
CREATE VIEW analyst.artists AS SELECT artist_id, name FROM artists;
CREATE VIEW analyst.credits AS SELECT track_id, is_album, place, artist_id, role FROM credits;
CREATE VIEW analyst.genres AS SELECT genre_id, name FROM genres;
CREATE VIEW analyst.track_genres AS SELECT track_id, genre_id FROM track_genres;
GRANT SELECT ON ALL TABLES IN SCHEMA analyst TO ms_analyst;

-- ---- months ----

-- Makes the partitions of `plays` that these times need, in the first schema of the path that has such a table. Attached, not
-- created in place: that would lock readers and writers out.
CREATE FUNCTION ms_plays_months(times bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    place text;
    month timestamp;
    part text;
BEGIN
    FOR month IN -- by days first: numbers are quicker than calendars
        SELECT DISTINCT date_trunc('month', ms_time(day * 86400000) AT TIME ZONE 'UTC')
          FROM (SELECT DISTINCT least(greatest(t, 0), 4102444799999) / 86400000 AS day FROM unnest(times) AS t) AS d
    LOOP
        CONTINUE WHEN month < '2000-01-01';
        part := 'plays_' || to_char(month, 'YYYY_MM');
        place := (SELECT relnamespace::regnamespace FROM pg_class WHERE oid = 'plays'::regclass);
        CONTINUE WHEN to_regclass(place || '.' || part) IS NOT NULL;
        PERFORM ms_plays_month(place, part, month);
    END LOOP;
END $$;

-- Writers own no table: this one function makes them one.
CREATE FUNCTION ms_plays_month(place text, part text, month timestamp) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF place NOT IN ('public', 'rebuilding') OR part IS DISTINCT FROM 'plays_' || to_char(month, 'YYYY_MM') THEN
        RAISE EXCEPTION 'no such partition' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(place || '.' || part, 0));
    IF to_regclass(place || '.' || part) IS NOT NULL THEN
        RETURN; -- another writer was quicker
    END IF;
    EXECUTE format('CREATE TABLE %I.%I (LIKE %I.plays INCLUDING ALL)', place, part, place);
    EXECUTE format('ALTER TABLE %I.plays ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)', place, place, part,
                   month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
END $$;
REVOKE ALL ON FUNCTION ms_plays_month FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ms_plays_month TO ms_write;

-- ---- building again ----

-- What is there of each projection: which form of it, and what it left out because a statement failed on it.
CREATE TABLE projections (
    name text COLLATE "C" PRIMARY KEY,
    format integer NOT NULL,
    built_at timestamptz NOT NULL DEFAULT now(),
    parked bigint NOT NULL DEFAULT 0
);
CREATE TABLE projection_builds (
    name text COLLATE "C" PRIMARY KEY,
    format integer NOT NULL,
    tables text[] NOT NULL,
    timeline integer NOT NULL DEFAULT 0, -- the position that is in the tables
    xid xid8 NOT NULL DEFAULT '0',
    ordinal integer NOT NULL DEFAULT 0,
    done bigint NOT NULL DEFAULT 0, -- events
    parked bigint NOT NULL DEFAULT 0
);
GRANT SELECT, DELETE ON projections TO ms_write;
GRANT SELECT ON projection_builds TO ms_write;
-- Tables of a journal that is empty are complete; else the node builds them when it starts.
INSERT INTO projections (name, format)
    SELECT name, 1 FROM unnest(ARRAY['accounts', 'catalog', 'tastes', 'plays', 'playlists', 'devices']) AS name
      WHERE NOT EXISTS (SELECT FROM events);

-- An empty copy of a table with its indexes, policies and rights.
CREATE FUNCTION ms_clone(name text) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    source regclass := format('public.%I', name);
    line text;
BEGIN
    EXECUTE format('CREATE TABLE rebuilding.%I (LIKE public.%I INCLUDING ALL) %s', name, name,
                   coalesce('PARTITION BY ' || pg_get_partkeydef(source), ''));
    FOR line IN
        SELECT format('ALTER TABLE rebuilding.%I %s ROW LEVEL SECURITY', name, word)
          FROM pg_class, (VALUES ('ENABLE'), ('FORCE')) AS w(word)
          WHERE oid = source AND CASE word WHEN 'ENABLE' THEN relrowsecurity ELSE relforcerowsecurity END
        UNION ALL
        SELECT format('CREATE POLICY %I ON rebuilding.%I AS %s FOR %s TO %s %s %s', policyname, name, permissive, cmd,
                      array_to_string(ARRAY(SELECT quote_ident(r) FROM unnest(roles) AS r), ', '),
                      'USING (' || qual || ')', 'WITH CHECK (' || with_check || ')')
          FROM pg_policies WHERE schemaname = 'public' AND tablename = name
        UNION ALL
        SELECT format('GRANT %s ON rebuilding.%I TO %s', a.privilege_type, name, a.grantee::regrole)
          FROM pg_class c CROSS JOIN aclexplode(c.relacl) AS a WHERE c.oid = source AND a.grantee <> c.relowner
    LOOP
        EXECUTE line;
    END LOOP;
    FOR line IN -- partitions without a month are there from the start
        SELECT format('CREATE TABLE rebuilding.%I PARTITION OF rebuilding.%I %s', c.relname, name,
                      pg_get_expr(c.relpartbound, c.oid))
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
          WHERE i.inhparent = source AND pg_get_expr(c.relpartbound, c.oid) LIKE '%MINVALUE%'
    LOOP
        EXECUTE line;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION ms_clone FROM PUBLIC;

-- Makes empty tables to build in, or, where a build of the same form was cut short, keeps what it has.
CREATE FUNCTION ms_build_begin(wanted text, form integer, wanted_tables text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    name text;
    part text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('build ' || wanted, 0));
    IF EXISTS (SELECT FROM projection_builds b WHERE b.name = wanted AND b.format = form AND b.tables = wanted_tables) THEN
        RETURN;
    END IF;
    FOR part IN SELECT unnest(tables) FROM projection_builds b WHERE b.name = wanted LOOP
        EXECUTE format('DROP TABLE IF EXISTS rebuilding.%I', part);
    END LOOP;
    DELETE FROM projection_builds b WHERE b.name = wanted;
    FOREACH name IN ARRAY wanted_tables LOOP
        PERFORM ms_clone(name);
    END LOOP;
    INSERT INTO projection_builds (name, format, tables) VALUES (wanted, form, wanted_tables);
END $$;
REVOKE ALL ON FUNCTION ms_build_begin FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ms_build_begin TO ms_write;

-- From one position to the next, in the transaction that writes what lies between. Raises where somebody else moved it.
CREATE FUNCTION ms_build_move(wanted text, from_timeline integer, from_xid bigint, from_ordinal integer,
                              to_timeline integer, to_xid bigint, to_ordinal integer, count bigint, left_out bigint)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE projection_builds b
      SET timeline = to_timeline, xid = to_xid::text::xid8, ordinal = to_ordinal, done = done + count, parked = parked + left_out
      WHERE b.name = wanted AND (b.timeline, b.xid, b.ordinal) = (from_timeline, from_xid::text::xid8, from_ordinal);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'somebody else builds it' USING ERRCODE = 'serialization_failure';
    END IF;
END $$;
REVOKE ALL ON FUNCTION ms_build_move FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ms_build_move TO ms_write;

-- The built tables take the place of the old ones; views go over to them. The caller keeps writers out.
CREATE FUNCTION ms_build_end(wanted text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    names text[];
    lines text[];
    line text;
BEGIN
    SELECT tables INTO STRICT names FROM projection_builds b WHERE b.name = wanted;
    lines := ARRAY(
        SELECT DISTINCT format('CREATE OR REPLACE VIEW %s %s AS %s', v.oid::regclass,
                               'WITH (' || array_to_string(v.reloptions, ', ') || ')', pg_get_viewdef(v.oid))
          FROM pg_depend d
          JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
          JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v'
          WHERE d.refclassid = 'pg_class'::regclass
            AND d.refobjid = ANY (ARRAY(SELECT format('public.%I', n)::regclass::oid FROM unnest(names) AS n)));
    FOR line IN SELECT * FROM ms_move_tables(names, 'public', 'replaced') LOOP EXECUTE line; END LOOP;
    FOR line IN SELECT * FROM ms_move_tables(names, 'rebuilding', 'public') LOOP EXECUTE line; END LOOP;
    FOREACH line IN ARRAY lines LOOP EXECUTE line; END LOOP;
    FOREACH line IN ARRAY names LOOP EXECUTE format('DROP TABLE replaced.%I', line); END LOOP;
    INSERT INTO projections (name, format, parked) SELECT b.name, b.format, b.parked FROM projection_builds b WHERE b.name = wanted
        ON CONFLICT (name) DO UPDATE SET format = excluded.format, built_at = excluded.built_at, parked = excluded.parked;
    DELETE FROM projection_builds b WHERE b.name = wanted;
END $$;
REVOKE ALL ON FUNCTION ms_build_end FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ms_build_end TO ms_write;

-- The statements that move tables, partitions first.
CREATE FUNCTION ms_move_tables(names text[], source text, target text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT format('ALTER TABLE %s SET SCHEMA %I', moved, target)
      FROM unnest(names) AS n
      CROSS JOIN LATERAL (
        SELECT i.inhrelid::regclass AS moved, 1 AS rank FROM pg_inherits i WHERE i.inhparent = format('%I.%I', source, n)::regclass
        UNION ALL SELECT format('%I.%I', source, n)::regclass, 2) AS m
      ORDER BY rank
$$;
REVOKE ALL ON FUNCTION ms_move_tables FROM PUBLIC;

-- What a table holds, in one number that does not depend on the order of its rows.
CREATE FUNCTION ms_digest(wanted regclass, OUT rows bigint, OUT sum numeric) LANGUAGE plpgsql STABLE AS $$
BEGIN
    EXECUTE format('SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM %s AS t', wanted)
        INTO rows, sum;
END $$;

RESET ROLE;
