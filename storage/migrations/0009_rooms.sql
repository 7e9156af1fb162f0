-- Rooms, who is in them, and what was said there, without the words: docs/decisions/0011-relational-tables.md. Members read all of it;
-- the row of a public room is everybody's to read.

SET LOCAL ROLE ms_migrate;

CREATE TABLE rooms (
    room_id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL, -- the owner
    is_public boolean NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX rooms_of_user ON rooms (user_id);

CREATE TABLE room_members (
    room_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX room_members_of_user ON room_members (user_id);

-- Those that the room keeps.
CREATE TABLE messages (
    room_id text COLLATE "C" NOT NULL,
    message_id bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL, -- who wrote it
    sent_at timestamptz NOT NULL,
    size_bytes integer NOT NULL,
    PRIMARY KEY (room_id, message_id)
);
CREATE INDEX messages_of_user ON messages (user_id);

-- The rooms that a reader is in. A function, as ms_is_public(): a policy on room_members could not read that table itself, either.
CREATE FUNCTION ms_my_rooms() RETURNS text[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(m.room_id), '{}') FROM room_members m WHERE m.user_id = ms_uid()
$$;
REVOKE ALL ON FUNCTION ms_my_rooms FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ms_my_rooms TO ms_read;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['rooms', 'room_members', 'messages'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY nodes ON %I TO ms_migrate, ms_write USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY own_rows ON %I FOR SELECT TO ms_read USING (room_id = ANY ((SELECT ms_my_rooms())::text[]))', name);
        EXECUTE format('GRANT SELECT ON %I TO ms_read', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO ms_write', name);
    END LOOP;
END $$;
CREATE POLICY public_rows ON rooms FOR SELECT TO ms_read USING (is_public AND (SELECT ms_uid()) IS NOT NULL);

CREATE VIEW analyst.rooms AS SELECT room_id, user_id, is_public, created_at FROM rooms;
CREATE VIEW analyst.room_members AS SELECT room_id, user_id, since FROM room_members;
CREATE VIEW analyst.messages AS SELECT room_id, message_id, user_id, sent_at, size_bytes FROM messages;
GRANT SELECT ON analyst.rooms, analyst.room_members, analyst.messages TO ms_analyst;

-- Of a journal that is empty they are complete; else the node builds them when it starts.
INSERT INTO projections (name, format) SELECT 'rooms', 1 WHERE NOT EXISTS (SELECT FROM events);

RESET ROLE;
