import { CircleCheck, LoaderCircle } from 'lucide-react';
import { Progress } from 'radix-ui';
import type { Library } from '../api/types';
import { currentLocale, formatLength, formatNumber, t } from '../i18n';

const MINUTE_SECONDS = 60;

function timeLeft(seconds: number): string {
  return seconds < MINUTE_SECONDS ? t('scan.seconds', { count: Math.max(1, seconds) }) : formatLength(seconds * 1000);
}

/** How the scan is doing, live. */
export function ScanCard({ library: { scan } }: { library: Library }) {
  const isIdle = scan.phase === 'IDLE';
  const isCounting = scan.phase === 'LISTING';
  const share = scan.filesKnown === 0 ? 0 : Math.min(100, (100 * scan.filesDone) / scan.filesKnown);
  return (
    <div className="scan" data-testid="scan" data-phase={scan.phase}>
      <div className="scan-line">
        {isIdle ? <CircleCheck size={20} aria-hidden /> : <LoaderCircle size={20} aria-hidden className="spin" />}
        <span className="scan-phase">{t(`scan.phase.${scan.phase}`)}</span>
        {!isIdle && (
          <span data-testid="scan-files">
            {t('scan.files', { done: formatNumber(scan.filesDone), count: scan.filesKnown })}
          </span>
        )}
        {isIdle && scan.finishedAt !== null && (
          <span className="muted">
            {t('scan.finished', {
              at: new Intl.DateTimeFormat(currentLocale(), { dateStyle: 'medium', timeStyle: 'short' }).format(
                new Date(scan.finishedAt),
              ),
            })}
          </span>
        )}
      </div>
      {!isIdle && (
        <>
          <Progress.Root
            className="scan-bar"
            value={isCounting && scan.filesDone === 0 ? null : share}
            aria-label={t('scan.title')}
          >
            <Progress.Indicator className="scan-fill" style={{ inlineSize: `${share}%` }} />
          </Progress.Root>
          <div className="scan-line muted">
            <span>{t('scan.rate', { count: Math.round(scan.filesPerSecond) })}</span>
            {scan.secondsLeft !== null && <span>{t('scan.left', { time: timeLeft(scan.secondsLeft) })}</span>}
            {scan.problemCount > 0 && <span>{t('problems.title', { count: scan.problemCount })}</span>}
          </div>
        </>
      )}
    </div>
  );
}
