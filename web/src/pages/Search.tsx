import { MicVocal } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { NavLink, useNavigate, useParams } from 'react-router';
import { SEARCH_ID } from '../app/ui';
import { t } from '../i18n';
import { AllFound } from '../search/AllFound';
import { KINDS, moved, optionsOf, viewOf, type Kind, type Move, type Option, type View } from '../search/answer';
import { pageOf, play } from '../search/choose';
import { Filters } from '../search/Filters';
import { Announcement, announcementOf, MetaNotes, NothingFound, SearchProblem } from '../search/Notes';
import { isIdle, NO_FILTER, writePlace, type Filter, type Place } from '../search/place';
import { focusRecent, Recent } from '../search/Recent';
import { hasMenu, ResultMenu } from '../search/ResultMenu';
import { optionId, Results } from '../search/Results';
import { SearchBox } from '../search/SearchBox';
import { keyOfPlace, noteSearch, searching, useSearched } from '../search/store';
import { usePlace } from '../search/usePlace';
import { Empty, Spinner, usePageTitle } from '../ui/basics';

/** While the index is built, it is looked again so often. */
const BUILDING_AGAIN_MS = 2_000;
const NO_OPTIONS: Option[] = [];

export function Search() {
  const params = useParams();
  const kind = KINDS.find((it) => it === params['kind']) ?? null;
  const { place, type, change, settle, now } = usePlace();
  const { view, options, answerTo } = useOverview(place, kind === null);
  const [activeKey, setActiveKey] = useState<string | null>(null);
  const [menuOf, setMenuOf] = useState<Option | null>(null);
  const navigate = useNavigate();
  const active = options.findIndex((it) => it.key === activeKey);
  usePageTitle(place.text.trim() === '' ? t('nav.search') : t('search.title', { words: place.text.trim() }));

  const choose = useCallback(
    ({ item, group }: Option, inNewTab = false) => {
      settle();
      noteSearch(place.text);
      const page = item === null ? `/search/${group}?${writePlace(place).toString()}` : pageOf(item);
      const items = options.flatMap((it) => (it.item === null ? [] : [it.item]));
      if (page === null) item !== null && play(item, items);
      else if (inNewTab) window.open(page, '_blank', 'noopener');
      else void navigate(page);
    },
    [navigate, options, place, settle],
  );
  const onType = (text: string) => {
    setActiveKey(null);
    type(text);
  };
  const onMove = (move: Move) => {
    if (options.length > 0) setActiveKey(moved(options, active === -1 ? null : activeKey, move));
    else return move === 'next' && (isIdle(place) ? focusRecent() : focusFirst(kind));
    return true;
  };
  const onEnter = () => {
    // What an older question found is not what is meant.
    const isCurrent = keyOfPlace(answerTo) === keyOfPlace(place);
    const option = options[active] ?? (isCurrent ? options[0] : undefined);
    const isTaken = option !== undefined && (active !== -1 || !isTouched());
    if (isTaken) choose(option);
    else noteSearch(place.text);
    if (isTouched()) document.getElementById(SEARCH_ID)?.blur();
  };
  const onMenu = (option: Option | undefined) => {
    if (option?.item === null || option === undefined || !hasMenu(option.item)) return false;
    setMenuOf(option);
    return true;
  };
  // By its key: lines that come later make the options anew, and the menu stays.
  const menuIndex = options.findIndex((it) => it.key === menuOf?.key);
  const menuAt = menuIndex === -1 ? null : document.getElementById(optionId(menuIndex));
  const onFilter = useCallback((filter: Partial<Filter>) => change({ filter }), [change]);
  const onExact = (isExact: boolean) => change({ isExact });
  const onRecent = (text: string) => {
    change({ text, isExact: false });
    document.getElementById(SEARCH_ID)?.focus({ preventScroll: true });
  };
  const onClearFilters = () => change({ filter: NO_FILTER });
  const hasResults = options.length > 0;
  return (
    <div className="page search-page">
      <h1 className="hidden">{t('nav.search')}</h1>
      <search className="search-head">
        <SearchBox
          text={place.text}
          activeId={active === -1 ? null : optionId(active)}
          hasResults={hasResults}
          onType={onType}
          onMove={onMove}
          onEnter={onEnter}
          onMenu={() => onMenu(options[active])}
          onSettle={settle}
        />
        <Filters filter={place.filter} now={now} onChange={onFilter} />
        {!isIdle(place) && <Kinds place={place} />}
      </search>
      {kind === 'lyrics' && place.text.trim() === '' ? (
        <Empty icon={MicVocal} title={t('search.line')} />
      ) : kind !== null ? (
        <AllFound kind={kind} place={place} onExact={onExact} onClearFilters={onClearFilters} onRecent={onRecent} />
      ) : isIdle(place) ? (
        <Recent onChoose={onRecent} />
      ) : (
        <Overview
          view={view}
          options={options}
          activeKey={activeKey}
          onChoose={choose}
          onMenu={onMenu}
          onExact={onExact}
          onClearFilters={onClearFilters}
          onRecent={onRecent}
        />
      )}
      {menuOf !== null && menuAt !== null && menuOf.item !== null && hasMenu(menuOf.item) && (
        <ResultMenu track={menuOf.item.node} at={menuAt} onClose={() => setMenuOf(null)} />
      )}
    </div>
  );
}

/** Typed with a finger: Enter is there to put the keyboard away. */
function isTouched(): boolean {
  return matchMedia('(pointer: coarse)').matches;
}

function focusFirst(kind: Kind | null): boolean {
  const first = document.querySelector<HTMLElement>(`[data-testid="all-${kind}"] :is(a, button)`);
  first?.focus();
  return first !== null;
}

/** Asks what the place says, and gives the newest answer that there is. */
function useOverview(place: Place, isShown: boolean) {
  const { answer, answerTo } = useSearched();
  const key = isShown && !isIdle(place) ? keyOfPlace(place) : null;
  const isIdleNow = isIdle(place);
  const asked = useRef<string | null>(null);
  useEffect(() => {
    // Who comes back sees at once what was there, but only where it is what is asked now.
    const isBack = asked.current === null;
    asked.current = key;
    if (isIdleNow || (isBack && keyOfPlace(searching.state.answerTo) !== key)) searching.forget();
    if (key !== null) searching.ask(place);
    // The key says what of the place counts.
  }, [key, isIdleNow]);
  const isBuilding = key !== null && answer?.status === 'BUILDING';
  useEffect(() => {
    if (!isBuilding) return;
    const timer = setInterval(() => searching.again(), BUILDING_AGAIN_MS);
    return () => clearInterval(timer);
  }, [isBuilding]);
  const view = useMemo(() => (answer === null || key === null ? null : viewOf(answer)), [answer, key === null]);
  const options = useMemo(() => (view === null ? NO_OPTIONS : optionsOf(view)), [view]);
  return { view, options, answerTo };
}

/** The way to all of a kind, and back. */
function Kinds({ place }: { place: Place }) {
  const search = `?${writePlace(place).toString()}`;
  return (
    <nav className="kinds" aria-label={t('search.kinds')}>
      <NavLink to={{ pathname: '/search', search }} end>
        {t('search.everything')}
      </NavLink>
      {KINDS.map((it) => (
        <NavLink key={it} to={{ pathname: `/search/${it}`, search }}>
          {t(`search.group.${it}`)}
        </NavLink>
      ))}
    </nav>
  );
}

interface OverviewProps {
  view: View | null;
  options: readonly Option[];
  activeKey: string | null;
  onChoose: (option: Option, inNewTab: boolean) => void;
  onMenu: (option: Option) => void;
  onExact: (isExact: boolean) => void;
  onClearFilters: () => void;
  onRecent: (text: string) => void;
}

function Overview({ view, options, activeKey, onChoose, onMenu, onExact, onClearFilters, onRecent }: OverviewProps) {
  const { answerTo, problem } = useSearched();
  const retry = () => searching.again();
  const totals = useMemo(() => new Map<string, number>(view?.groups.map((it) => [it.kind, it.total])), [view]);
  if (view === null || answerTo === null)
    return problem === null ? <Spinner /> : <SearchProblem problem={problem} isBeside={false} onRetry={retry} />;
  return (
    <div className="search-answer" data-testid="search-answer" data-words={answerTo.text}>
      <div className="search-notes">
        {problem !== null && <SearchProblem problem={problem} isBeside onRetry={retry} />}
        <MetaNotes meta={view} place={answerTo} onExact={onExact} />
      </div>
      {view.count === 0 ? (
        <NothingFound place={answerTo} meta={view} onExact={onExact} onClearFilters={onClearFilters} onChoose={onRecent} />
      ) : (
        <Results options={options} totals={totals} activeKey={activeKey} onChoose={onChoose} onMenu={onMenu} />
      )}
      <Announcement text={problem === null ? announcementOf(view.count, view) : t('search.offline')} />
    </div>
  );
}
