/** Small pieces that everything else is put together from. */
import { LoaderCircle, type LucideIcon } from 'lucide-react';
import { Tooltip } from 'radix-ui';
import { Fragment, useEffect, type ButtonHTMLAttributes, type ReactNode } from 'react';
import { asApiError } from '../api/errors';
import { t, type MessageKey } from '../i18n';

interface IconButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'children'> {
  icon: LucideIcon;
  label: string;
  size?: number;
  isFilled?: boolean;
  isOn?: boolean;
  variant?: 'plain' | 'primary';
  /** What opens with the focus on it would open with a tooltip, which then takes the first Escape. */
  hasTip?: boolean;
  ref?: React.Ref<HTMLButtonElement>;
}

/** A button that is only a picture: its name is its label, and its tooltip. */
export function IconButton({ icon: Icon, label, size = 20, isFilled, isOn, variant = 'plain', hasTip = true, ...rest }: IconButtonProps) {
  const button = (
    <button
      type="button"
      {...rest}
      aria-label={label}
      {...(isOn === undefined ? {} : { 'aria-pressed': isOn })}
      className={`icon-button ${variant} ${rest.className ?? ''}`}
    >
      <Icon size={size} aria-hidden fill={isFilled === true ? 'currentColor' : 'none'} />
    </button>
  );
  if (!hasTip) return button;
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{button}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content className="tooltip" sideOffset={6} collisionPadding={8}>
          {label}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  icon?: LucideIcon;
  variant?: 'primary' | 'plain' | 'danger';
  isBusy?: boolean;
  ref?: React.Ref<HTMLButtonElement>;
}

export function Button({ icon: Icon, variant = 'plain', isBusy = false, children, ref, ...rest }: ButtonProps) {
  return (
    <button type="button" ref={ref} {...rest} aria-busy={isBusy} className={`button ${variant} ${rest.className ?? ''}`}>
      {isBusy ? <LoaderCircle size={18} aria-hidden className="spin" /> : Icon && <Icon size={18} aria-hidden />}
      {children}
    </button>
  );
}

export function Spinner({ label = t('state.loading') }: { label?: string }) {
  return (
    <div className="spinner" role="status">
      <LoaderCircle size={24} aria-hidden className="spin" />
      <span className="hidden">{label}</span>
    </div>
  );
}

interface EmptyProps {
  icon: LucideIcon;
  title: string;
  children?: ReactNode;
}

export function Empty({ icon: Icon, title, children }: EmptyProps) {
  return (
    <div className="empty">
      <Icon size={40} strokeWidth={1.25} aria-hidden />
      <p className="empty-title">{title}</p>
      {children}
    </div>
  );
}

interface StateProps {
  isPending: boolean;
  error: Error | null;
  onRetry?: (() => unknown) | undefined;
  children: ReactNode;
}

/** What a list shows while it is read, when it can't be, and then. */
export function Loaded({ isPending, error, onRetry, children }: StateProps) {
  if (isPending && error === null) return <Spinner />;
  if (error !== null)
    return (
      <div className="empty" role="alert">
        <p className="empty-title">{t(`problem.${asApiError(error).code}` as MessageKey, { what: '' })}</p>
        {onRetry && (
          <Button variant="primary" onClick={() => void onRetry()}>
            {t('action.retry')}
          </Button>
        )}
      </div>
    );
  return children;
}

interface PageProps {
  title: string;
  /** More of the heading than the title, such as a cover; then the title is not drawn again. */
  header?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, header, actions, children }: PageProps) {
  usePageTitle(title);
  return (
    <div className="page">
      {header ?? (
        <header className="page-header">
          <h1 tabIndex={-1}>{title}</h1>
          {actions && <div className="page-actions">{actions}</div>}
        </header>
      )}
      {children}
    </div>
  );
}

export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = title === '' ? t('app.name') : t('app.title', { title });
  }, [title]);
}

/** Short facts in a row. Each reads in its own direction, whatever that of the page is; null ones are left out. */
export function Facts({ facts }: { facts: readonly ReactNode[] }) {
  return facts
    .filter((it) => it !== null)
    .map((it, index) => (
      <Fragment key={index}>
        {index > 0 && ' · '}
        <bdi>{it}</bdi>
      </Fragment>
    ));
}
