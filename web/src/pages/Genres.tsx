import { Tags } from 'lucide-react';
import { Link, useParams } from 'react-router';
import { useAlbums, useGenre, useGenres } from '../api/queries';
import { t } from '../i18n';
import { Empty, Loaded, Page } from '../ui/basics';
import { AlbumTile, Grid } from '../ui/Grid';

const HUES = 12;

/** The same colour for the same name, whatever else is in the list. */
function hue(name: string): number {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 3600;
  return (sum % HUES) * (360 / HUES);
}

export function Genres() {
  const genres = useGenres();
  return (
    <Page title={t('nav.genres')}>
      <Loaded isPending={genres.isPending} error={genres.error} onRetry={genres.refetch}>
        {genres.items.length === 0 ? (
          <Empty icon={Tags} title={t('genres.none')} />
        ) : (
          <ul className="genres">
            {genres.items.map((it) => (
              <li key={it.id}>
                <Link to={`/genre/${it.id}`} style={{ '--hue': hue(it.name) } as React.CSSProperties} data-testid="genre">
                  <span>{it.name}</span>
                  <span className="genre-count">{t('count.albums', { count: it.albumCount })}</span>
                </Link>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Page>
  );
}

export function GenrePage() {
  const { id = '' } = useParams();
  const { data: genre, isPending, error, refetch } = useGenre(id);
  const albums = useAlbums('TITLE', id);
  return (
    <Loaded isPending={isPending} error={error} onRetry={refetch}>
      {genre && (
        <Page title={genre.name}>
          <Loaded isPending={albums.isPending} error={albums.error} onRetry={albums.refetch}>
            <Grid items={albums.items} label={genre.name} onNearEnd={albums.loadMore}>
              {(album, size) => <AlbumTile album={album} size={size} />}
            </Grid>
          </Loaded>
        </Page>
      )}
    </Loaded>
  );
}
