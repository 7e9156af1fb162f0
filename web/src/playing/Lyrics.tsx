import { MicVocal } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { useLyrics } from '../api/queries';
import type { Track } from '../api/types';
import { t } from '../i18n';
import { player } from '../player/controller';
import { lineAt } from '../player/lyrics';
import { Empty, Loaded } from '../ui/basics';
import { usePosition } from './hooks';

/** After the reader scrolled, the text is left alone for so long. */
const LEFT_ALONE_MS = 4_000;

export function LyricsView({ track }: { track: Track }) {
  const { data, isPending, error, refetch } = useLyrics(track.id);
  return (
    <Loaded isPending={isPending} error={error} onRetry={refetch}>
      {data === null || data === undefined || data.lines.length === 0 ? (
        <Empty icon={MicVocal} title={t('lyrics.none')} />
      ) : data.isSynced ? (
        <Synced lines={data.lines} />
      ) : (
        <div className="lyrics plain" tabIndex={0} role="group" aria-label={t('lyrics.title')}>
          {data.lines.map((it, i) => (
            <p key={i}>{it.text === '' ? ' ' : it.text}</p>
          ))}
        </div>
      )}
    </Loaded>
  );
}

function Synced({ lines }: { lines: { startMs: number | null; text: string }[] }) {
  const position = usePosition(100);
  const current = lineAt(lines, position);
  const list = useRef<HTMLOListElement>(null);
  const touchedAt = useRef(0);
  useEffect(() => {
    if (Date.now() - touchedAt.current < LEFT_ALONE_MS) return;
    const line = list.current?.children[Math.max(0, current)];
    if (list.current === null || !(line instanceof HTMLElement)) return;
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    // Not scrollIntoView: it would move what lies around the list as well.
    const top = line.offsetTop - (list.current.clientHeight - line.offsetHeight) / 2;
    list.current.scrollTo({ top, behavior: isCalm ? 'instant' : 'smooth' });
  }, [current]);
  const touch = () => {
    touchedAt.current = Date.now();
  };
  return (
    <ol ref={list} className="lyrics" aria-label={t('lyrics.title')} data-testid="lyrics-view" onWheel={touch} onTouchMove={touch}>
      {lines.map((it, i) => (
        <li key={i}>
          <button
            type="button"
            className={i === current ? 'is-current' : i < current ? 'is-past' : ''}
            aria-current={i === current ? 'true' : undefined}
            onClick={() => player.seek(it.startMs ?? 0)}
          >
            {it.text === '' ? '♪' : it.text}
          </button>
        </li>
      ))}
    </ol>
  );
}
