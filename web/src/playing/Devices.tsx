import { Check, Laptop, MonitorSpeaker, Smartphone, X } from 'lucide-react';
import { Popover } from 'radix-ui';
import type { Device } from '../api/types';
import { t } from '../i18n';
import { player } from '../player/controller';
import { usePlayback } from '../player/store';
import { IconButton } from '../ui/basics';

const PHONE = /iPhone|iPad|Android/;
const NONE: Device[] = [];

/** Where it plays, and where it could go on. */
export function Devices() {
  const devices = usePlayback((it) => it.session?.devices ?? NONE);
  const activeId = usePlayback((it) => it.session?.activeDeviceId ?? null);
  const deviceId = usePlayback((it) => it.deviceId);
  const isElsewhere = activeId !== null && activeId !== deviceId && devices.some((it) => it.id === activeId && it.isOnline);
  const shown = [...devices].sort((a, b) => Number(b.isOnline) - Number(a.isOnline));
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <IconButton
          icon={MonitorSpeaker}
          label={t('devices.title')}
          className={isElsewhere ? 'is-on' : ''}
          data-testid="devices"
        />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="popover" aria-label={t('devices.title')} side="top" align="end" sideOffset={12} collisionPadding={8}>
          <h2 className="popover-title">{t('devices.title')}</h2>
          <ul className="devices">
            {shown.map((it) => (
              <li key={it.id}>
                <Popover.Close asChild>
                  <button
                    type="button"
                    className={`device ${it.id === activeId ? 'is-current' : ''}`}
                    disabled={!it.isOnline}
                    aria-current={it.id === activeId ? 'true' : undefined}
                    data-testid="device"
                    data-device-id={it.id}
                    onClick={() => player.transferTo(it.id)}
                  >
                    {PHONE.test(it.name) ? <Smartphone size={20} aria-hidden /> : <Laptop size={20} aria-hidden />}
                    <span className="device-words">
                      <span>{it.name}</span>
                      <span className="muted">{deviceState(it, activeId, deviceId)}</span>
                    </span>
                    {it.id === activeId && <Check size={18} aria-hidden />}
                  </button>
                </Popover.Close>
                {!it.isOnline && it.id !== deviceId && (
                  <IconButton
                    icon={X}
                    size={16}
                    label={t('devices.forget', { name: it.name })}
                    onClick={() => player.forgetDevice(it.id)}
                  />
                )}
              </li>
            ))}
          </ul>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function deviceState(device: Device, activeId: string | null, deviceId: string): string {
  if (!device.isOnline) return t('devices.offline');
  if (device.id === activeId) return t(device.id === deviceId ? 'devices.playsHere' : 'devices.plays');
  return t(device.id === deviceId ? 'devices.here' : 'devices.ready');
}
