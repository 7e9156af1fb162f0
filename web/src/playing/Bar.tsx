import { ListMusic, MicVocal, SkipForward, Volume1, Volume2, VolumeX } from 'lucide-react';
import { Link } from 'react-router';
import { t } from '../i18n';
import { toggleMute } from '../app/shortcuts';
import { ui, useUi } from '../app/ui';
import { player } from '../player/controller';
import { useCurrentTrack, usePlayback } from '../player/store';
import { IconButton } from '../ui/basics';
import { Cover } from '../ui/Cover';
import { Range } from '../ui/Range';
import { Credits, FavouriteButton } from '../ui/TrackRow';
import { Devices } from './Devices';
import { usePosition } from './hooks';
import { PlayButton, SeekBar, Transport } from './Transport';

/** What plays, at the foot of every page. */
export function Bar() {
  const track = useCurrentTrack();
  const isQueueOpen = useUi((it) => it.isQueueOpen);
  return (
    <section className={`bar ${track === null ? 'is-empty' : ''}`} aria-label={t('player.title')} data-testid="now-playing">
      <Progress />
      <div className="bar-track">
        {track === null ? (
          <p className="muted">{t('player.nothing')}</p>
        ) : (
          <>
            <button
              type="button"
              className="bar-cover"
              aria-label={t('player.open')}
              data-testid="open-now-playing"
              onClick={() => ui.openNowPlaying()}
            >
              <Cover artwork={track.artwork} size={56} kind="track" isEager />
            </button>
            <div className="bar-words">
              <Link className="bar-title" to={`/album/${track.album.id}`} data-testid="now-title">
                {track.title}
              </Link>
              <span className="bar-line">
                <Credits credits={track.credits} line={track.artistLine} />
              </span>
              <Elsewhere />
            </div>
            <FavouriteButton track={track} />
          </>
        )}
      </div>
      <div className="bar-middle">
        <Transport />
        <SeekBar />
      </div>
      <div className="bar-end">
        <IconButton
          icon={MicVocal}
          label={t('lyrics.title')}
          disabled={track === null}
          data-testid="lyrics"
          onClick={() => ui.openNowPlaying(true)}
        />
        <IconButton
          icon={ListMusic}
          label={t('queue.title')}
          isOn={isQueueOpen}
          className={isQueueOpen ? 'is-on' : ''}
          data-testid="queue"
          onClick={ui.toggleQueue}
        />
        <Devices />
        <Volume />
      </div>
      <div className="bar-small">
        <Devices />
        <PlayButton />
        <IconButton
          icon={SkipForward}
          isFilled
          label={t('player.next')}
          disabled={track === null}
          onClick={() => player.next()}
        />
      </div>
    </section>
  );
}

/** On a phone there is no room for a slider: a line shows how far it is. */
function Progress() {
  const track = useCurrentTrack();
  const position = usePosition(1000);
  const share = track === null || track.durationMs === 0 ? 0 : Math.min(1, position / track.durationMs);
  return <span className="bar-progress" aria-hidden style={{ scale: `${share} 1` }} />;
}

function Elsewhere() {
  const session = usePlayback((it) => it.session);
  const isActive = usePlayback((it) => it.isActive);
  const device = session?.devices.find((it) => it.id === session.activeDeviceId);
  if (isActive || device === undefined || !device.isOnline) return null;
  return (
    <span className="bar-elsewhere" data-testid="elsewhere">
      {t('devices.playingOn', { name: device.name })}
    </span>
  );
}

export function Volume() {
  const volume = usePlayback((it) => {
    const id = it.session?.activeDeviceId ?? it.deviceId;
    return it.session?.devices.find((device) => device.id === id)?.volume ?? 100;
  });
  const Icon = volume === 0 ? VolumeX : volume < 50 ? Volume1 : Volume2;
  return (
    <div className="volume">
      <IconButton icon={Icon} label={t(volume === 0 ? 'player.unmute' : 'player.mute')} data-testid="mute" onClick={toggleMute} />
      <Range
        label={t('player.volume')}
        testId="volume"
        value={volume}
        max={100}
        step={1}
        text={(it) => t('player.percent', { value: it })}
        onMove={(it) => player.setVolume(it)}
        onCommit={(it) => player.setVolume(it)}
      />
    </div>
  );
}
