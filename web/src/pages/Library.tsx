import { FolderPlus, FolderX, Folder, ScanSearch, Square, TriangleAlert } from 'lucide-react';
import { useState, type FormEvent } from 'react';
import { Link } from 'react-router';
import { useAccount } from '../api/account';
import { useAddRoot, useCancelScan, useLibrary, useStartScan } from '../api/queries';
import type { Library } from '../api/types';
import { formatNumber, t } from '../i18n';
import { Button, Loaded, Page } from '../ui/basics';
import { ScanCard } from '../ui/ScanCard';

export function LibraryPage() {
  const { data: library, isPending, error, refetch } = useLibrary();
  const isAdmin = useAccount((it) => it.user?.role === 'ADMIN');
  return (
    <Page title={t('nav.library')} actions={isAdmin && library && <ScanButton library={library} />}>
      <Loaded isPending={isPending} error={error} onRetry={refetch}>
        {library && (
          <>
            <dl className="figures">
              <Figure label={t('library.tracks')} value={library.trackCount} />
              <Figure label={t('library.albums')} value={library.albumCount} to="/albums" />
              <Figure label={t('library.artists')} value={library.artistCount} to="/artists" />
            </dl>
            <ul className="shortcuts">
              {(['albums', 'artists', 'genres', 'favourites'] as const).map((it) => (
                <li key={it}>
                  <Link className="button" to={`/${it}`}>
                    {t(`nav.${it}`)}
                  </Link>
                </li>
              ))}
            </ul>
            <section>
              <h2>{t('scan.title')}</h2>
              <ScanCard library={library} />
            </section>
            <Roots library={library} isAdmin={isAdmin} />
            <Problems library={library} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Figure({ label, value, to }: { label: string; value: number; to?: string }) {
  return (
    <div className="figure">
      <dt>{label}</dt>
      <dd>{to === undefined ? formatNumber(value) : <Link to={to}>{formatNumber(value)}</Link>}</dd>
    </div>
  );
}

function ScanButton({ library }: { library: Library }) {
  const start = useStartScan();
  const cancel = useCancelScan();
  const isRunning = library.scan.phase === 'LISTING' || library.scan.phase === 'READING';
  return isRunning ? (
    <Button icon={Square} isBusy={cancel.isPending} data-testid="cancel-scan" onClick={() => cancel.mutate({})}>
      {t('scan.cancel')}
    </Button>
  ) : (
    <Button
      variant="primary"
      icon={ScanSearch}
      isBusy={start.isPending}
      disabled={library.roots.length === 0}
      data-testid="start-scan"
      onClick={() => start.mutate({})}
    >
      {t('scan.start')}
    </Button>
  );
}

function Roots({ library, isAdmin }: { library: Library; isAdmin: boolean }) {
  const add = useAddRoot();
  const [path, setPath] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (path.trim() !== '') add.mutate({ path: path.trim() }, { onSuccess: () => setPath('') });
  };
  return (
    <section>
      <h2>{t('roots.title')}</h2>
      <ul className="roots">
        {library.roots.map((it) => (
          <li key={it.name}>
            {it.isReadable ? <Folder size={20} aria-hidden /> : <FolderX size={20} aria-hidden />}
            <span className="card-words">
              <span className="card-title">{it.name}</span>
              <span className="muted">
                {it.isReadable ? it.path : [t('roots.unreadable', { path: it.path }), it.unreadableReason].filter(Boolean).join(': ')}
              </span>
            </span>
          </li>
        ))}
        {library.roots.length === 0 && <li className="muted">{t('roots.none')}</li>}
      </ul>
      {isAdmin && (
        <form className="inline-form" onSubmit={submit}>
          <label className="field">
            {t('roots.path')}
            <input
              data-testid="root-path"
              value={path}
              placeholder="/srv/music"
              autoComplete="off"
              spellCheck={false}
              dir="ltr"
              onChange={(event) => setPath(event.target.value)}
            />
          </label>
          <Button type="submit" icon={FolderPlus} isBusy={add.isPending} data-testid="add-root">
            {t('roots.add')}
          </Button>
        </form>
      )}
    </section>
  );
}

function Problems({ library }: { library: Library }) {
  const { problems, problemCount } = library.scan;
  if (problemCount === 0) return null;
  return (
    <section data-testid="problems">
      <h2>{t('problems.title', { count: problemCount })}</h2>
      <ul className="problems">
        {problems.map((it) => (
          <li key={it.path}>
            <TriangleAlert size={18} aria-hidden />
            <span className="card-words">
              <span dir="ltr">{it.path}</span>
              <span className="muted">{it.reason}</span>
            </span>
          </li>
        ))}
      </ul>
      {problemCount > problems.length && (
        <p className="muted">{t('problems.more', { count: problemCount - problems.length })}</p>
      )}
    </section>
  );
}
