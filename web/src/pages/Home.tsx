import { FolderOpen } from 'lucide-react';
import { Link } from 'react-router';
import { useAlbums, useHistory, useLibrary } from '../api/queries';
import { useAccount } from '../api/account';
import { t, type MessageKey } from '../i18n';
import { Empty, Loaded, Page } from '../ui/basics';
import { AlbumTile, Grid, Shelf } from '../ui/Grid';
import { ScanCard } from '../ui/ScanCard';
import type { AlbumCard } from '../api/types';

/** Albums of the tracks that were heard last. */
function useRecentAlbums(): AlbumCard[] {
  const { data: tracks = [] } = useHistory();
  const albums = tracks.map((it) => ({
    id: it.album.id,
    title: it.album.title,
    artistLine: it.artistLine,
    year: null,
    artwork: it.artwork,
  }));
  return albums.filter((it, i) => albums.findIndex((other) => other.id === it.id) === i);
}

function greeting(): MessageKey {
  const hour = new Date().getHours();
  if (hour < 5) return 'home.night';
  if (hour < 12) return 'home.morning';
  return hour < 18 ? 'home.afternoon' : 'home.evening';
}

export function Home() {
  const albums = useAlbums('ADDED');
  const recent = useRecentAlbums();
  const name = useAccount((it) => it.user?.name ?? '');
  const { data: library } = useLibrary();
  const isScanning = library !== undefined && library.scan.phase !== 'IDLE';
  return (
    <Page title={t(greeting(), { name })}>
      {isScanning && <ScanCard library={library} />}
      {recent.length > 0 && (
        <section>
          <h2>{t('home.recent')}</h2>
          <Shelf items={recent} label={t('home.recent')}>
            {(album) => <AlbumTile album={album} size={168} />}
          </Shelf>
        </section>
      )}
      <section>
        <h2>{t('home.added')}</h2>
        <Loaded isPending={albums.isPending} error={albums.error} onRetry={albums.refetch}>
          {albums.items.length === 0 && !isScanning ? (
            <Empty icon={FolderOpen} title={t('home.empty')}>
              <Link className="button primary" to="/library">
                {t('home.choose')}
              </Link>
            </Empty>
          ) : (
            <Grid items={albums.items} label={t('home.added')} onNearEnd={albums.loadMore}>
              {(album, size) => <AlbumTile album={album} size={size} />}
            </Grid>
          )}
        </Loaded>
      </section>
    </Page>
  );
}
