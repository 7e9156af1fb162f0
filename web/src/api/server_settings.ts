/** What administrators chose for everybody, as the server says it. */
import { useEffect } from 'react';
import { create } from 'zustand';
import { say } from '../app/notices';
import { mutations, subscriptions } from './documents';
import { asApiError } from './errors';
import { command } from './graphql';
import { subscribe } from './live';

export interface Feature {
  name: string;
  isOn: boolean;
}

export interface ServerChoices {
  notice: string;
  features: readonly Feature[];
}

export const useServer = create<ServerChoices>(() => ({ notice: '', features: [] }));

/** While somebody is signed in. */
export function useLiveServer(): void {
  useEffect(
    () => subscribe<{ server: ServerChoices }>(subscriptions.server, {}, ({ server }) => useServer.setState(server)),
    [],
  );
}

async function change(mutation: string, variables: Record<string, unknown>): Promise<boolean> {
  try {
    const { server } = await command<{ server: ServerChoices }>(mutation, variables);
    useServer.setState(server);
    return true;
  } catch (error) {
    say(asApiError(error).code);
    return false;
  }
}

export const setNotice = (text: string) => change(mutations.setNotice, { text });
export const setFeature = (name: string, isOn: boolean) => change(mutations.setFeature, { name, isOn });
