/** What is to be said of an answer: how it was understood, what is missing, what went wrong. */
import { Hammer, History, Info, SearchX, WifiOff } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { ErrorCode } from '../api/errors';
import { t, type MessageKey } from '../i18n';
import { Button, Empty } from '../ui/basics';
import type { SearchMeta } from './answer';
import { isFiltered, type Place } from './place';
import { useRecentSearches } from './store';

interface MetaProps {
  meta: SearchMeta;
  /** What the answer is to. */
  place: Place;
  onExact: (isExact: boolean) => void;
}

export function MetaNotes({ meta, place, onExact }: MetaProps) {
  const words = place.text.trim();
  return (
    <>
      {meta.didYouMean !== null && (
        <p className="search-note" data-testid="did-you-mean">
          <span>{t('search.meant', { words: meta.didYouMean })}</span>
          <button type="button" className="text-button" data-testid="search-exactly" onClick={() => onExact(true)}>
            {t('search.exactly', { words })}
          </button>
        </p>
      )}
      {place.isExact && (
        <p className="search-note" data-testid="is-exact">
          <span>{t('search.isExact', { words })}</span>
          <button type="button" className="text-button" data-testid="search-loosely" onClick={() => onExact(false)}>
            {t('search.loosely')}
          </button>
        </p>
      )}
      {meta.status === 'BUILDING' && (
        <p className="search-note about" data-testid="search-building">
          <Hammer size={16} aria-hidden />
          <span>{t('search.building')}</span>
        </p>
      )}
      {meta.isPartial && (
        <p className="search-note about" data-testid="search-partial">
          <Info size={16} aria-hidden />
          <span>{t('search.partial')}</span>
        </p>
      )}
    </>
  );
}

interface ProblemProps {
  problem: ErrorCode;
  /** Older results stand below. */
  isBeside: boolean;
  onRetry: () => void;
}

function problemText(problem: ErrorCode): string {
  if (problem === 'NETWORK') return t('search.offline');
  return t(`problem.${problem}` as MessageKey, { what: '' });
}

export function SearchProblem({ problem, isBeside, onRetry }: ProblemProps) {
  const retry = (
    <Button variant={isBeside ? 'plain' : 'primary'} data-testid="search-retry" onClick={onRetry}>
      {t('action.retry')}
    </Button>
  );
  if (!isBeside)
    return (
      <Empty icon={WifiOff} title={problemText(problem)}>
        {retry}
      </Empty>
    );
  return (
    <div className="search-note problem" data-testid="search-problem">
      <WifiOff size={18} aria-hidden />
      <span>
        {problemText(problem)} {t('search.older')}
      </span>
      {retry}
    </div>
  );
}

/** So many of what was searched for before are offered where nothing was found. */
const BEFORE_SHOWN = 5;

function Before({ words, onChoose }: { words: string; onChoose: (text: string) => void }) {
  const { data: recent = [] } = useRecentSearches();
  const others = recent.filter((it) => it.query !== words).slice(0, BEFORE_SHOWN);
  if (others.length === 0) return null;
  return (
    <div className="search-before">
      <p id="search-before-title">{t('search.before')}</p>
      <ul aria-labelledby="search-before-title">
        {others.map(({ query }) => (
          <li key={query}>
            <button type="button" className="filter" data-testid="search-before" onClick={() => onChoose(query)}>
              <History size={16} aria-hidden />
              <bdi>{query}</bdi>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface NothingProps {
  place: Place;
  meta: SearchMeta;
  onClearFilters: () => void;
  onExact: (isExact: boolean) => void;
  onChoose: (text: string) => void;
}

/** Nothing was found: what to try. */
export function NothingFound({ place, meta, onClearFilters, onExact, onChoose }: NothingProps) {
  const words = place.text.trim();
  const hasFilter = isFiltered(place.filter);
  const title = words === '' ? t('search.noneFiltered') : t('search.none', { words });
  const advice = hasFilter ? 'search.try.filters' : place.isExact ? 'search.try.loosely' : 'search.try.words';
  return (
    <div data-testid="search-none" className="search-none">
      <Empty icon={SearchX} title={title}>
        {meta.status === 'READY' && <p>{t(advice)}</p>}
        {hasFilter ? (
          <Button variant="primary" onClick={onClearFilters}>
            {t('filter.clear')}
          </Button>
        ) : (
          place.isExact && (
            <Button variant="primary" onClick={() => onExact(false)}>
              {t('search.loosely')}
            </Button>
          )
        )}
        <Before words={words} onChoose={onChoose} />
      </Empty>
    </div>
  );
}

/** A screen reader is told when the typing rests, not at every key. */
const QUIET_MS = 500;

export function announcementOf(count: number, meta: SearchMeta): string {
  const parts = [
    t('search.found', { count }),
    meta.didYouMean === null ? '' : t('search.meant', { words: meta.didYouMean }),
    meta.status === 'BUILDING' ? t('search.building') : '',
    meta.isPartial ? t('search.partial') : '',
  ];
  return parts.filter((it) => it !== '').join(' ');
}

/** Tells those who don't see it. Empty: nothing is to be said. */
export function Announcement({ text }: { text: string }) {
  const [said, setSaid] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setSaid(text), QUIET_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <p className="hidden" role="status" data-testid="search-status">
      {said}
    </p>
  );
}
