import { useState, type FormEvent, type ReactNode } from 'react';
import { setUp, signIn } from '../api/account';
import { asApiError, type ErrorCode } from '../api/errors';
import { t, type MessageKey } from '../i18n';
import { deviceName } from '../player/device';
import { Button, usePageTitle } from '../ui/basics';

const PASSWORD_MIN = 8;
const PASSWORD_MAX = 200;
const NAME_MAX = 64;

interface DoorProps {
  title: string;
  text: string;
  action: string;
  /** What to do with what was typed; what it throws is said below the fields. */
  onSubmit: (fields: FormData) => Promise<void>;
  messages: Partial<Record<ErrorCode, MessageKey>>;
  children: ReactNode;
}

/** The frame of both forms before one is in. */
function Door({ title, text, action, onSubmit, messages, children }: DoorProps) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  usePageTitle(title);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setBusy(true);
    setProblem('');
    onSubmit(new FormData(event.currentTarget)).catch((error: unknown) => {
      const { code, detail } = asApiError(error);
      const key = messages[code] ?? (`problem.${code}` as MessageKey);
      setProblem(code === 'INVALID' && detail !== '' ? detail : t(key, { what: '' }));
      setBusy(false);
    });
  };
  return (
    <main className="door">
      <form className="door-card" onSubmit={submit}>
        <img src="/icon.svg" alt="" width={64} height={64} />
        <h1>{title}</h1>
        <p className="muted">{text}</p>
        {children}
        <p className="door-problem" role="alert">
          {problem}
        </p>
        <Button type="submit" variant="primary" isBusy={isBusy} disabled={isBusy} data-testid="submit">
          {action}
        </Button>
      </form>
    </main>
  );
}

function NameField() {
  return (
    <label className="field">
      {t('account.name')}
      <input name="name" data-testid="name" required maxLength={NAME_MAX} autoComplete="username" autoCapitalize="off" autoFocus />
    </label>
  );
}

export function SignIn() {
  return (
    <Door
      title={t('signIn.title')}
      text={t('signIn.text')}
      action={t('signIn.action')}
      messages={{ UNAUTHENTICATED: 'signIn.wrong', BUSY: 'signIn.slow' }}
      onSubmit={(fields) => signIn(String(fields.get('name')), String(fields.get('password')), deviceName())}
    >
      <NameField />
      <label className="field">
        {t('account.password')}
        <input name="password" data-testid="password" type="password" required maxLength={PASSWORD_MAX} autoComplete="current-password" />
      </label>
    </Door>
  );
}

/** The code stands behind the # of the link that the server printed: what is there never reaches a log. */
function codeFromLink(): string {
  return new URLSearchParams(location.hash.slice(1)).get('code') ?? '';
}

export function SetUp() {
  const [code] = useState(codeFromLink);
  const submit = async (fields: FormData) => {
    await setUp(String(fields.get('code')).trim(), String(fields.get('name')), String(fields.get('password')));
    history.replaceState(null, '', '/library');
    location.replace('/library');
  };
  return (
    <Door
      title={t('setUp.title')}
      text={t('setUp.text')}
      action={t('setUp.action')}
      messages={{ UNAUTHENTICATED: 'setUp.wrong', FORBIDDEN: 'setUp.wrong', CONFLICT: 'setUp.done' }}
      onSubmit={submit}
    >
      <label className="field" hidden={code !== ''}>
        {t('setUp.code')}
        <input name="code" data-testid="code" defaultValue={code} required autoComplete="off" spellCheck={false} />
      </label>
      <NameField />
      <label className="field">
        {t('account.newPassword')}
        <input
          name="password"
          data-testid="password"
          type="password"
          required
          minLength={PASSWORD_MIN}
          maxLength={PASSWORD_MAX}
          autoComplete="new-password"
          aria-describedby="password-hint"
        />
        <span id="password-hint" className="muted">
          {t('account.passwordHint', { count: PASSWORD_MIN })}
        </span>
      </label>
    </Door>
  );
}
