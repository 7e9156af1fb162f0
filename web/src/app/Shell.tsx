import {
  Disc3,
  Heart,
  House,
  Library,
  ListMusic,
  Megaphone,
  Mic2,
  Search,
  Settings,
  Tags,
  TriangleAlert,
  WifiOff,
  X,
  type LucideIcon,
} from 'lucide-react';
import { Suspense, useEffect, useRef } from 'react';
import { NavLink, Outlet, useLocation, useNavigationType } from 'react-router';
import { watchGateways } from '../api/gateways';
import { useLibrary, useLiveLibrary, useLivePlaylists, useLiveTracks, usePlaylists } from '../api/queries';
import { useReach } from '../api/reach';
import { useLiveServer, useServer } from '../api/server_settings';
import { useLiveSettings } from '../app_settings';
import { t, type MessageKey } from '../i18n';
import { Bar } from '../playing/Bar';
import { NowPlaying } from '../playing/NowPlaying';
import { player } from '../player/controller';
import { startMediaSession } from '../player/media_session';
import { useCurrentTrack, usePlayback } from '../player/store';
import { Button, IconButton, Spinner } from '../ui/basics';
import { fetchAllOfMany, later } from './chunks';
import { dismiss, say, useNotices } from './notices';
import { useShortcuts } from './shortcuts';
import { MAIN_ID, useUi } from './ui';

const Queue = later(() => import('../playing/Queue').then((it) => it.Queue));
const Help = later(() => import('./Help').then((it) => it.Help));

interface Place {
  to: string;
  label: MessageKey;
  icon: LucideIcon;
}

const PLACES: readonly Place[] = [
  { to: '/', label: 'nav.home', icon: House },
  { to: '/search', label: 'nav.search', icon: Search },
  { to: '/albums', label: 'nav.albums', icon: Disc3 },
  { to: '/artists', label: 'nav.artists', icon: Mic2 },
  { to: '/genres', label: 'nav.genres', icon: Tags },
  { to: '/favourites', label: 'nav.favourites', icon: Heart },
  { to: '/playlists', label: 'nav.playlists', icon: ListMusic },
];
const TABS: readonly Place[] = [
  { to: '/', label: 'nav.home', icon: House },
  { to: '/search', label: 'nav.search', icon: Search },
  { to: '/library', label: 'nav.library', icon: Library },
  { to: '/playlists', label: 'nav.playlists', icon: ListMusic },
  { to: '/settings', label: 'nav.settings', icon: Settings },
];

export function Shell() {
  const isQueueOpen = useUi((it) => it.isQueueOpen);
  const isHelpOpen = useUi((it) => it.isHelpOpen);
  useLiveLibrary();
  useLivePlaylists();
  useLiveTracks();
  useLiveSettings();
  useLiveServer();
  useShortcuts();
  usePlayer();
  useEffect(watchGateways, []);
  useEffect(fetchAllOfMany, []);
  return (
    <div className={`shell ${isQueueOpen ? 'with-queue' : ''}`}>
      <a className="skip" href={`#${MAIN_ID}`}>
        {t('nav.skip')}
      </a>
      <Sidebar />
      <div className="content">
        <Banners />
        <Main />
      </div>
      {isQueueOpen && (
        <Suspense fallback={<aside className="queue" />}>
          <Queue />
        </Suspense>
      )}
      <Bar />
      <nav className="tabs" aria-label={t('nav.tabs')}>
        {TABS.map(({ to, label, icon: Icon }) => (
          <NavLink key={to} to={to} end={to === '/'}>
            <Icon size={22} aria-hidden />
            <span>{t(label)}</span>
          </NavLink>
        ))}
      </nav>
      <NowPlaying />
      {isHelpOpen && (
        <Suspense>
          <Help />
        </Suspense>
      )}
      <Notices />
      <Announcer />
    </div>
  );
}

function usePlayer(): void {
  useEffect(() => {
    player.onProblem = say;
    void player.start();
    const stopMediaSession = startMediaSession();
    const idle = setTimeout(() => player.warmUp(), 300);
    return () => {
      clearTimeout(idle);
      stopMediaSession();
      player.leave();
    };
  }, []);
}

function Sidebar() {
  const { data: playlists = [] } = usePlaylists();
  const { data: library } = useLibrary();
  const scan = library?.scan;
  return (
    <nav className="sidebar" aria-label={t('nav.main')}>
      <NavLink to="/" className="brand" end>
        <img src="/icon.svg" alt="" width={32} height={32} />
        {t('app.name')}
      </NavLink>
      <ul>
        {PLACES.map(({ to, label, icon: Icon }) => (
          <li key={to}>
            <NavLink to={to} end={to === '/'}>
              <Icon size={20} aria-hidden />
              {t(label)}
            </NavLink>
          </li>
        ))}
      </ul>
      <div className="sidebar-playlists">
        {playlists.length > 0 && <h2>{t('nav.playlists')}</h2>}
        <ul>
          {playlists.map((it) => (
            <li key={it.id}>
              <NavLink to={`/playlist/${it.id}`} className="sidebar-playlist">
                {it.name}
              </NavLink>
            </li>
          ))}
        </ul>
      </div>
      <ul className="sidebar-end">
        <li>
          <NavLink to="/library">
            <Library size={20} aria-hidden />
            {t('nav.library')}
            {scan !== undefined && scan.phase !== 'IDLE' && (
              <span className="badge">
                {scan.filesKnown > 0
                  ? t('player.percent', { value: Math.floor((100 * scan.filesDone) / scan.filesKnown) })
                  : '…'}
              </span>
            )}
          </NavLink>
        </li>
        <li>
          <NavLink to="/settings">
            <Settings size={20} aria-hidden />
            {t('nav.settings')}
          </NavLink>
        </li>
      </ul>
    </nav>
  );
}

/** The scrolling part. A new page begins at its top; going back goes to where one was. */
function Main() {
  const { pathname, key } = useLocation();
  const kind = useNavigationType();
  const main = useRef<HTMLElement>(null);
  const places = useRef(new Map<string, number>());
  useEffect(() => {
    const element = main.current;
    if (element === null) return;
    const remembered = places.current;
    element.scrollTop = kind === 'POP' ? (remembered.get(key) ?? 0) : 0;
    const note = () => remembered.set(key, element.scrollTop);
    element.addEventListener('scroll', note, { passive: true });
    return () => element.removeEventListener('scroll', note);
  }, [pathname, key, kind]);
  return (
    <main id={MAIN_ID} ref={main} tabIndex={-1}>
      <Suspense fallback={<Spinner />}>
        <Outlet />
      </Suspense>
    </main>
  );
}

function Banners() {
  const isReachable = useReach((it) => it.isReachable);
  const isStreamDown = usePlayback((it) => it.isStreamDown);
  const isBlocked = usePlayback((it) => it.isBlocked);
  const notice = useServer((it) => it.notice);
  return (
    <>
      {notice !== '' && (
        <div className="banner accent" role="status" data-testid="server-notice">
          <Megaphone size={18} aria-hidden />
          <span dir="auto">{notice}</span>
        </div>
      )}
      {(!isReachable || isStreamDown) && (
        <div className="banner" role="status" data-testid="offline">
          <WifiOff size={18} aria-hidden />
          {t('banner.offline')}
        </div>
      )}
      {isBlocked && (
        <div className="banner accent" role="status" data-testid="blocked">
          {t('banner.blocked')}
          <Button variant="primary" data-testid="unblock" onClick={() => player.play()}>
            {t('banner.continue')}
          </Button>
        </div>
      )}
    </>
  );
}

function Notices() {
  const notices = useNotices((it) => it.notices);
  return (
    <div className="notices" role="region" aria-label={t('notices.title')} aria-live="polite">
      {notices.map((it) => (
        <div key={it.id} className={`notice ${it.isProblem ? 'is-problem' : ''}`} data-testid="notice">
          {it.isProblem && <TriangleAlert size={18} aria-hidden />}
          <span>{it.text}</span>
          <IconButton icon={X} size={16} label={t('action.dismiss')} hasTip={false} onClick={() => dismiss(it.id)} />
        </div>
      ))}
    </div>
  );
}

/** What changed for the ears of those who don't see it. */
function Announcer() {
  const track = useCurrentTrack();
  const isPlaying = usePlayback((it) => it.isPlaying);
  const text =
    track !== null && isPlaying ? t('player.announce', { title: track.title, artist: track.artistLine }) : '';
  return (
    <div className="hidden" role="status">
      {text}
    </div>
  );
}
