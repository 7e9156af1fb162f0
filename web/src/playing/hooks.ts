import { useEffect, useState } from 'react';
import { player } from '../player/controller';
import { usePlayback } from '../player/store';

/** Milliseconds into the track, read again and again while it plays. */
export function usePosition(everyMs = 250): number {
  const isPlaying = usePlayback((it) => it.isPlaying);
  const session = usePlayback((it) => it.session);
  const [position, setPosition] = useState(() => player.positionMs());
  useEffect(() => {
    const read = () => setPosition(player.positionMs());
    read();
    if (!isPlaying) {
      // A seek of the engine settles a moment later.
      const timer = setTimeout(read, 100);
      return () => clearTimeout(timer);
    }
    const timer = setInterval(read, everyMs);
    return () => clearInterval(timer);
  }, [isPlaying, session, everyMs]);
  return position;
}
