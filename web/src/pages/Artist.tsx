import { Play } from 'lucide-react';
import { useParams } from 'react-router';
import { useArtist, type ArtistPage } from '../api/queries';
import { t } from '../i18n';
import { player } from '../player/controller';
import { Button, Facts, Loaded, Page } from '../ui/basics';
import { Cover } from '../ui/Cover';
import { AlbumTile, Grid } from '../ui/Grid';
import { TrackList } from '../ui/TrackList';

export function Artist() {
  const { id = '' } = useParams();
  const { data: artist, isPending, error, refetch } = useArtist(id);
  return (
    <Loaded isPending={isPending} error={error} onRetry={refetch}>
      {artist && <ArtistView key={artist.id} artist={artist} />}
    </Loaded>
  );
}

function ArtistView({ artist }: { artist: ArtistPage }) {
  const facts = [t('count.albums', { count: artist.albumCount }), t('count.tracks', { count: artist.trackCount })];
  return (
    <Page
      title={artist.name}
      header={
        <header className="hero" style={{ '--tint': artist.artwork?.color ?? 'transparent' } as React.CSSProperties}>
          <Cover artwork={artist.artwork} size={200} shape="round" kind="artist" isEager />
          <div className="hero-words">
            <p className="hero-kind">{t('artist.kind')}</p>
            <h1 tabIndex={-1}>{artist.name}</h1>
            <p className="muted"><Facts facts={facts} /></p>
            <div className="hero-actions">
              <Button
                variant="primary"
                icon={Play}
                disabled={artist.tracks.nodes.length === 0}
                onClick={() => player.playTracks(artist.tracks.nodes)}
              >
                {t('player.play')}
              </Button>
            </div>
          </div>
        </header>
      }
    >
      {artist.albums.nodes.length > 0 && (
        <section>
          <h2>{t('nav.albums')}</h2>
          <Grid items={artist.albums.nodes} label={t('nav.albums')}>
            {(album, size) => <AlbumTile album={album} size={size} />}
          </Grid>
        </section>
      )}
      {artist.tracks.nodes.length > 0 && (
        <section>
          <h2>{t('artist.tracks')}</h2>
          <TrackList tracks={artist.tracks.nodes} label={t('artist.tracks')} lead="cover" />
        </section>
      )}
    </Page>
  );
}
