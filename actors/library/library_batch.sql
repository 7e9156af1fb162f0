-- library_batch_added (library_relations.c): up to 256 files a root with their credits and genres, in lists of columns that name
-- the row of their file. Nothing is written twice in one statement: a row is put, or taken away.
WITH t AS (
    SELECT DISTINCT ON (track_id) * FROM unnest(
            $1::bigint[], $2::text[], $3::bigint[], $4::bytea[], $5::bigint[], $6::bigint[], $7::bigint[], $8::int[],
            $9::int[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[], $16::text[],
            $17::text[], $18::int[], $19::int[], $20::int[], $21::int[], $22::text[], $23::bigint[], $24::bool[],
            $25::bigint[], $26::float8[], $27::bigint[], $28::float8[], $29::text[], $30::text[], $31::text[], $32::bool[],
            $33::text[], $34::text[], $35::bool[], $36::text[], $37::text[], $38::int[], $39::int[], $40::int[]
        ) WITH ORDINALITY AS t(
            place, root, track_id, path, size_bytes, added_ms, album_id, disc, number, title, sort_title, date, composer,
            mb_recording, duration_ms, codec, container, bit_rate, sample_rate, channels, bits, audio_hash, samples,
            has_gain, track_gain_cdb, track_peak, album_gain_cdb, album_peak, album, sort_album, original_date,
            is_compilation, mb_release, mb_release_group, is_synced, lyrics, lyrics_blob, credit_count, album_credit_count,
            genre_count, nth
        )
      WHERE place <> ALL ((SELECT ms_refused())::bigint[]) ORDER BY track_id, nth DESC
), c AS (
    SELECT c.*, t.track_id FROM unnest(
            $41::bigint[], $42::bigint[], $43::bool[], $44::int[], $45::bigint[], $46::text[], $47::text[], $48::text[], $49::int[],
            $50::text[]
        ) AS c(place, row, is_album, nth, artist_id, name, sort_name, mbid, role, join_phrase)
      JOIN t ON t.nth = c.row + 1
), g AS (
    SELECT g.*, t.track_id FROM unnest($51::bigint[], $52::bigint[], $53::int[], $54::bigint[], $55::text[])
        AS g(place, row, nth, genre_id, name)
      JOIN t ON t.nth = g.row + 1
), gone AS (
    SELECT DISTINCT ON (track_id) * FROM unnest($56::bigint[], $57::bigint[], $58::text[])
        WITH ORDINALITY AS n(place, track_id, reason, nth)
      WHERE place <> ALL ((SELECT ms_refused())::bigint[]) ORDER BY track_id, nth DESC
), mixed AS (
    SELECT DISTINCT album_id FROM unnest($59::bigint[], $60::bigint[]) AS m(place, album_id)
      WHERE place <> ALL ((SELECT ms_refused())::bigint[])
), named AS (
    SELECT DISTINCT ON (t.album_id) t.* FROM t LEFT JOIN albums a USING (album_id)
      WHERE a.album_id IS NULL OR t.track_id <= a.named_by ORDER BY t.album_id, t.track_id
), put_tracks AS (
    INSERT INTO tracks AS old (
            root, track_id, path, size_bytes, album_id, disc, number, title, sort_title, date, composer, mb_recording,
            duration_ms, codec, container, bit_rate, sample_rate, channels, bits, audio_hash, samples, has_gain,
            track_gain_cdb, track_peak, album_gain_cdb, album_peak, added_at, is_available, unavailable_reason,
            loudness_mlufs, artwork, artwork_color
        )
      SELECT
            root, track_id, path, size_bytes, album_id, disc, number, title, sort_title, date, composer, mb_recording,
            duration_ms, codec, container, bit_rate, sample_rate, channels, bits, audio_hash, samples, has_gain,
            track_gain_cdb, track_peak, album_gain_cdb, album_peak, ms_time(added_ms), true, '', 0, '', ''
        FROM t
      ON CONFLICT (track_id) DO UPDATE SET
            root = excluded.root, path = excluded.path, size_bytes = excluded.size_bytes, album_id = excluded.album_id, disc
            = excluded.disc, number = excluded.number, title = excluded.title, sort_title = excluded.sort_title, date =
            excluded.date, composer = excluded.composer, mb_recording = excluded.mb_recording, duration_ms =
            excluded.duration_ms, codec = excluded.codec, container = excluded.container, bit_rate = excluded.bit_rate,
            sample_rate = excluded.sample_rate, channels = excluded.channels, bits = excluded.bits, audio_hash =
            excluded.audio_hash, samples = excluded.samples, added_at = excluded.added_at, is_available = true,
            unavailable_reason = '',
            -- What was measured of a sound stays while the sound does: as library_projection.c.
            (has_gain, track_gain_cdb, track_peak, album_gain_cdb, album_peak) = (
                SELECT old.has_gain, old.track_gain_cdb, old.track_peak, old.album_gain_cdb, old.album_peak
                  WHERE NOT excluded.has_gain AND old.has_gain AND (old.audio_hash, old.samples) = (excluded.audio_hash, excluded.samples)
                UNION ALL SELECT excluded.has_gain, excluded.track_gain_cdb, excluded.track_peak, excluded.album_gain_cdb, excluded.album_peak
                  WHERE excluded.has_gain OR NOT old.has_gain OR NOT (old.audio_hash, old.samples) = (excluded.audio_hash, excluded.samples)
            ),
            loudness_mlufs = CASE WHEN (old.audio_hash, old.samples) = (excluded.audio_hash, excluded.samples) THEN old.loudness_mlufs ELSE 0 END
), gone_tracks AS (
    UPDATE tracks k SET is_available = false, unavailable_reason = gone.reason FROM gone
      WHERE k.track_id = gone.track_id AND NOT EXISTS (SELECT FROM t WHERE t.track_id = k.track_id)
), put_credits AS (
    INSERT INTO credits (track_id, is_album, place, artist_id, role, join_phrase)
      SELECT track_id, is_album, nth, artist_id, role, join_phrase FROM c
      ON CONFLICT (track_id, is_album, place)
        DO UPDATE SET artist_id = excluded.artist_id, role = excluded.role, join_phrase = excluded.join_phrase
), less_credits AS (
    DELETE FROM credits d USING t
      WHERE d.track_id = t.track_id AND d.place >= CASE WHEN d.is_album THEN t.album_credit_count ELSE t.credit_count END
), put_artists AS (
    INSERT INTO artists AS old (artist_id, name, sort_name, mbid)
      SELECT artist_id, min(name COLLATE "C"), max(sort_name COLLATE "C"), max(mbid COLLATE "C")
        FROM c GROUP BY artist_id ORDER BY artist_id
      ON CONFLICT (artist_id)
        DO UPDATE SET name = least(old.name, excluded.name), sort_name = greatest(old.sort_name, excluded.sort_name),
            mbid = greatest(old.mbid, excluded.mbid)
        WHERE excluded.name < old.name OR excluded.sort_name > old.sort_name OR excluded.mbid > old.mbid
), put_genres AS (
    INSERT INTO genres AS old (genre_id, name)
      SELECT genre_id, min(name COLLATE "C") FROM g GROUP BY genre_id ORDER BY genre_id
      ON CONFLICT (genre_id) DO UPDATE SET name = excluded.name WHERE excluded.name < old.name
), put_track_genres AS (
    INSERT INTO track_genres (track_id, place, genre_id) SELECT track_id, nth, genre_id FROM g
      ON CONFLICT (track_id, place) DO UPDATE SET genre_id = excluded.genre_id
), less_track_genres AS (
    DELETE FROM track_genres d USING t WHERE d.track_id = t.track_id AND d.place >= t.genre_count
), put_lyrics AS (
    INSERT INTO lyrics (track_id, is_synced, text, blob)
      SELECT track_id, is_synced, lyrics, lyrics_blob FROM t WHERE lyrics <> '' OR lyrics_blob <> ''
      ON CONFLICT (track_id) DO UPDATE SET is_synced = excluded.is_synced, text = excluded.text, blob = excluded.blob
), less_lyrics AS (
    DELETE FROM lyrics d USING t WHERE d.track_id = t.track_id AND t.lyrics = '' AND t.lyrics_blob = ''
), mixed_albums AS (
    UPDATE albums a SET is_mixed = true FROM mixed m
      WHERE a.album_id = m.album_id AND NOT EXISTS (SELECT FROM named WHERE named.album_id = a.album_id)
)
INSERT INTO albums AS old (album_id, named_by, title, sort_title, date, original_date, is_compilation, is_mixed, mb_release,
        mb_release_group)
  SELECT album_id, track_id, album, sort_album, date, original_date, is_compilation,
        EXISTS (SELECT FROM mixed WHERE mixed.album_id = named.album_id), mb_release, mb_release_group
    FROM named ORDER BY album_id
  ON CONFLICT (album_id)
    DO UPDATE SET named_by = excluded.named_by, title = excluded.title, sort_title = excluded.sort_title, date = excluded.date,
        original_date = excluded.original_date, is_compilation = excluded.is_compilation,
        is_mixed = old.is_mixed OR excluded.is_mixed, mb_release = excluded.mb_release,
        mb_release_group = excluded.mb_release_group
    WHERE excluded.named_by <= old.named_by
