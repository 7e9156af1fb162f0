import { Heart, Pause, Play, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useIsFavourite, useToggleFavourite } from '../api/queries';
import type { Credit, Track } from '../api/types';
import { formatClock, t } from '../i18n';
import { player } from '../player/controller';
import { currentTrackOf, usePlayback } from '../player/store';
import { IconButton } from './basics';
import { Cover } from './Cover';
import { Mark } from './Marks';
import { TrackMenu } from './TrackMenu';

interface CreditsProps {
  credits: readonly Credit[];
  line: string;
  /** Whose they are, where it may stand among what was searched for. */
  of?: string;
}

/** Artists as the tags credit them, each with its own link. */
export function Credits({ credits, line, of = '' }: CreditsProps) {
  const main = credits.filter((it) => it.role === 'MAIN' || it.role === 'FEATURED');
  if (main.length === 0) return <>{line}</>;
  let end = 0;
  return main.map((it, i) => {
    const from = end;
    const to = from + it.name.length;
    end = to + it.joinPhrase.length;
    const isInLine = line.slice(from, to) === it.name;
    return (
      <span key={`${it.artist.id}${i}`}>
        <Link to={`/artist/${it.artist.id}`}>
          {isInLine ? <Mark id={of} part="artist" text={line} from={from} to={to} /> : it.name}
        </Link>
        {i < main.length - 1 && it.joinPhrase}
      </span>
    );
  });
}

export function FavouriteButton({ track, size = 18 }: { track: Track; size?: number }) {
  const isFavourite = useIsFavourite(track);
  const favour = useToggleFavourite();
  return (
    <IconButton
      icon={Heart}
      size={size}
      isFilled={isFavourite}
      isOn={isFavourite}
      className={`favourite ${isFavourite ? 'is-on' : ''}`}
      data-testid="favourite"
      label={t('favourite.of', { title: track.title })}
      onClick={() => favour.mutate({ trackId: track.id, isFavourite: !isFavourite })}
    />
  );
}

export interface TrackRowProps {
  track: Track;
  onPlay: () => void;
  /** What stands first: the number on an album, else the cover. */
  lead: 'number' | 'cover';
  hidesAlbum?: boolean;
  /** Knows more than the track's id: the entry of a list in which a track may stand twice. */
  isCurrent?: boolean;
  handle?: ReactNode;
  onRemove?: (() => void) | undefined;
  removeLabel?: string;
}

export function TrackRow({ track, onPlay, lead, hidesAlbum = false, isCurrent, handle, onRemove, removeLabel }: TrackRowProps) {
  const isSame = usePlayback((it) => currentTrackOf(it)?.id === track.id);
  const isHere = isCurrent ?? isSame;
  const isPlaying = usePlayback((it) => it.isPlaying) && isHere;
  const press = () => (isHere ? player.toggle() : onPlay());
  const warm = () => player.prepare(track);
  return (
    <div
      className={`track ${isHere ? 'is-current' : ''} ${track.isAvailable ? '' : 'is-gone'}`}
      data-testid="track"
      data-track-id={track.id}
      onDoubleClick={(event) => {
        if (track.isAvailable && !(event.target as HTMLElement).closest('a, button')) onPlay();
      }}
    >
      {handle}
      <button
        type="button"
        className={`track-play ${lead}`}
        disabled={!track.isAvailable}
        aria-label={t(isPlaying ? 'track.pause' : 'track.play', { title: track.title })}
        data-testid="track-play"
        onClick={press}
        onPointerEnter={warm}
        onFocus={warm}
      >
        {lead === 'cover' ? (
          <Cover artwork={track.artwork} size={40} kind="track" />
        ) : (
          <span className="track-number">{track.number > 0 ? track.number : '–'}</span>
        )}
        <span className="track-icon" aria-hidden>
          {isPlaying ? <Pause size={16} fill="currentColor" /> : <Play size={16} fill="currentColor" />}
        </span>
        {isPlaying && (
          <span className="bars" aria-hidden>
            <i />
            <i />
            <i />
          </span>
        )}
      </button>
      <span className="track-main">
        <span className="track-title" aria-current={isHere ? 'true' : undefined}>
          <Mark id={track.id} part="title" text={track.title} />
        </span>
        <span className="track-line">
          {track.isAvailable ? (
            <Credits credits={track.credits} line={track.artistLine} of={track.id} />
          ) : (
            <span className="track-reason">
              <TriangleAlert size={14} aria-hidden /> {track.unavailableReason ?? t('track.unavailable')}
            </span>
          )}
        </span>
      </span>
      {!hidesAlbum && (
        <Link className="track-album" to={`/album/${track.album.id}`}>
          <Mark id={track.id} part="album" text={track.album.title} />
        </Link>
      )}
      <FavouriteButton track={track} />
      <span className="track-time">{formatClock(track.durationMs)}</span>
      <TrackMenu
        track={track}
        hidesAlbum={hidesAlbum}
        {...(onRemove === undefined ? {} : { onRemove, removeLabel: removeLabel ?? t('action.remove') })}
      />
    </div>
  );
}
