import { LoaderCircle, Pause, Play, Repeat, Repeat1, Shuffle, SkipBack, SkipForward } from 'lucide-react';
import type { Repeat as RepeatMode } from '../api/types';
import { formatClock, t } from '../i18n';
import { player } from '../player/controller';
import { usePlayback, useCurrentTrack } from '../player/store';
import { IconButton } from '../ui/basics';
import { Range } from '../ui/Range';
import { usePosition } from './hooks';

const NEXT_REPEAT: Record<RepeatMode, RepeatMode> = { OFF: 'ALL', ALL: 'ONE', ONE: 'OFF' };
const SEEK_STEP_MS = 1_000;

export function PlayButton({ size = 20 }: { size?: number }) {
  const isPlaying = usePlayback((it) => it.isPlaying);
  const isWaiting = usePlayback((it) => it.isWaiting);
  const hasTrack = useCurrentTrack() !== null;
  const label = t(isPlaying ? 'player.pause' : 'player.play');
  return (
    <IconButton
      icon={isWaiting && isPlaying ? LoaderCircle : isPlaying ? Pause : Play}
      label={label}
      size={size}
      variant="primary"
      className={`play ${isWaiting && isPlaying ? 'spins' : ''}`}
      isFilled={!(isWaiting && isPlaying)}
      disabled={!hasTrack}
      data-testid="play-pause"
      onClick={() => player.toggle()}
    />
  );
}

export function Transport({ isLarge = false }: { isLarge?: boolean }) {
  const hasTrack = useCurrentTrack() !== null;
  const repeat = usePlayback((it) => it.session?.repeat ?? 'OFF');
  const isShuffled = usePlayback((it) => it.session?.isShuffled ?? false);
  const size = isLarge ? 24 : 20;
  return (
    <div className={`transport ${isLarge ? 'large' : ''}`} role="group" aria-label={t('player.controls')}>
      <IconButton
        icon={Shuffle}
        size={isLarge ? 20 : 18}
        label={t('player.shuffle')}
        isOn={isShuffled}
        className={isShuffled ? 'is-on' : ''}
        data-testid="shuffle"
        onClick={() => player.setShuffle(!isShuffled)}
      />
      <IconButton
        icon={SkipBack}
        size={size}
        isFilled
        label={t('player.previous')}
        disabled={!hasTrack}
        data-testid="previous"
        onClick={() => player.previous()}
      />
      <PlayButton size={isLarge ? 28 : 20} />
      <IconButton
        icon={SkipForward}
        size={size}
        isFilled
        label={t('player.next')}
        disabled={!hasTrack}
        data-testid="next"
        onClick={() => player.next()}
      />
      <IconButton
        icon={repeat === 'ONE' ? Repeat1 : Repeat}
        size={isLarge ? 20 : 18}
        label={t(`player.repeat.${repeat}`)}
        className={repeat === 'OFF' ? '' : 'is-on'}
        data-testid="repeat"
        onClick={() => player.setRepeat(NEXT_REPEAT[repeat])}
      />
    </div>
  );
}

export function SeekBar() {
  const track = useCurrentTrack();
  const position = usePosition();
  const duration = track?.durationMs ?? 0;
  return (
    <div className="seek">
      <span className="seek-time" data-testid="position">
        {formatClock(position)}
      </span>
      <Range
        label={t('player.seek')}
        testId="seek"
        value={position}
        max={duration}
        step={SEEK_STEP_MS}
        isDisabled={track === null}
        text={(it) => t('player.position', { at: formatClock(it), of: formatClock(duration) })}
        onCommit={(it) => player.seek(it)}
      />
      <span className="seek-time">{formatClock(duration)}</span>
    </div>
  );
}
