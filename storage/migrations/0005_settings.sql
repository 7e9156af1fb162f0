-- Settings of listeners, and settings and features of the server: docs/decisions/0011-relational-tables.md. Values are words out of a
-- few, or what an administrator wrote for everybody; only what was chosen has a row.

SET LOCAL ROLE ms_migrate;

CREATE TABLE settings (
    user_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    set_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, name)
);
ALTER TABLE settings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY nodes ON settings TO ms_migrate, ms_write USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON settings FOR SELECT TO ms_read USING (user_id = (SELECT ms_uid()));

CREATE TABLE server_settings (
    name text COLLATE "C" PRIMARY KEY,
    value text NOT NULL,
    set_at timestamptz NOT NULL
);

CREATE TABLE feature_flags (
    name text COLLATE "C" PRIMARY KEY,
    is_on boolean NOT NULL,
    set_at timestamptz NOT NULL
);

GRANT SELECT ON settings, server_settings, feature_flags TO ms_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON settings, server_settings, feature_flags TO ms_write;

CREATE VIEW analyst.settings AS SELECT user_id, name, value, set_at FROM settings;
CREATE VIEW analyst.server_settings AS SELECT name, value, set_at FROM server_settings;
CREATE VIEW analyst.feature_flags AS SELECT name, is_on, set_at FROM feature_flags;
GRANT SELECT ON analyst.settings, analyst.server_settings, analyst.feature_flags TO ms_analyst;

-- Of a journal that is empty they are complete; else the node builds them when it starts.
INSERT INTO projections (name, format)
    SELECT name, 1 FROM unnest(ARRAY['settings', 'server']) AS name WHERE NOT EXISTS (SELECT FROM events);
