import { Pause, Play, Shuffle } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Link, useParams } from 'react-router';
import { useAlbum } from '../api/queries';
import type { Album } from '../api/types';
import { formatLength, t } from '../i18n';
import { player } from '../player/controller';
import { currentTrackOf, usePlayback } from '../player/store';
import { Button, Facts, Loaded, Page } from '../ui/basics';
import { Cover } from '../ui/Cover';
import { NewPlaylist } from '../ui/NewPlaylist';
import { TrackList } from '../ui/TrackList';
import { AddToPlaylist, Menu, QueueItems } from '../ui/TrackMenu';
import { Credits } from '../ui/TrackRow';

export function AlbumPage() {
  const { id = '' } = useParams();
  const { data: album, isPending, error, refetch } = useAlbum(id);
  return (
    <Loaded isPending={isPending} error={error} onRetry={refetch}>
      {album && <AlbumView key={album.id} album={album} />}
    </Loaded>
  );
}

function AlbumView({ album }: { album: Album }) {
  const [first] = album.tracks;
  useEffect(() => {
    // Most who open an album press play.
    if (first !== undefined) player.prepare(first);
  }, [first]);
  const discs = [...new Set(album.tracks.map((it) => it.disc))];
  return (
    <Page title={album.title} header={<AlbumHeader album={album} />}>
      {discs.length <= 1 ? (
        <TrackList tracks={album.tracks} label={t('album.tracks')} lead="number" hidesAlbum />
      ) : (
        discs.map((disc) => <Disc key={disc} album={album} disc={disc} />)
      )}
    </Page>
  );
}

function Disc({ album, disc }: { album: Album; disc: number }) {
  const label = t('album.disc', { disc });
  return (
    <section>
      <h2 className="disc">{label}</h2>
      <TrackList tracks={album.tracks.filter((it) => it.disc === disc)} label={label} lead="number" hidesAlbum />
    </section>
  );
}

function AlbumHeader({ album }: { album: Album }) {
  const isCurrent = usePlayback((it) => currentTrackOf(it)?.album.id === album.id);
  const isPlaying = usePlayback((it) => it.isPlaying) && isCurrent;
  const [isNaming, setNaming] = useState(false);
  const shuffle = () => {
    player.playTracks(shuffled(album.tracks));
  };
  const facts = [
    album.year === null ? null : String(album.year),
    t('count.tracks', { count: album.trackCount }),
    formatLength(album.durationMs),
  ];
  return (
    <header className="hero" style={{ '--tint': album.artwork?.color ?? 'transparent' } as React.CSSProperties}>
      <Cover artwork={album.artwork} size={232} isEager />
      <div className="hero-words">
        <p className="hero-kind">{t('album.kind')}</p>
        <h1 tabIndex={-1}>{album.title}</h1>
        <p className="hero-line">
          <Credits credits={album.credits} line={album.artistLine} />
        </p>
        <p className="muted">
          <Facts facts={facts} />
          {album.genres.map((it) => (
            <Link key={it.id} className="chip" to={`/genre/${it.id}`}>
              {it.name}
            </Link>
          ))}
        </p>
        <div className="hero-actions">
          <Button
            variant="primary"
            icon={isPlaying ? Pause : Play}
            data-testid="play-album"
            onClick={() => (isCurrent ? player.toggle() : player.playTracks(album.tracks))}
          >
            {t(isPlaying ? 'player.pause' : 'player.play')}
          </Button>
          <Button icon={Shuffle} onClick={shuffle}>
            {t('player.shuffle')}
          </Button>
          <Menu label={t('menu.of', { title: album.title })}>
            <QueueItems tracks={album.tracks} />
            <AddToPlaylist tracks={album.tracks} onNew={() => setNaming(true)} />
          </Menu>
          {isNaming && <NewPlaylist trackIds={album.tracks.map((it) => it.id)} onClose={() => setNaming(false)} />}
        </div>
      </div>
    </header>
  );
}

/** Fisher-Yates. */
function shuffled<T>(list: readonly T[]): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
