/**
 * Parts of the page that are fetched when they are first shown. The node that has them may end while the page lives on
 * at another one, so of several nodes all are fetched as soon as the browser has nothing else to do.
 */
import { lazy, type ComponentType } from 'react';
import { useGateways } from '../api/gateways';

const loads: (() => Promise<unknown>)[] = [];

export function later<Props>(load: () => Promise<ComponentType<Props>>) {
  loads.push(load);
  return lazy(() => load().then((component) => ({ default: component })));
}

/** Until the returned function is called, fetches all once there are other nodes. */
export function fetchAllOfMany(): () => void {
  let isDone = false;
  const look = () => {
    if (isDone || useGateways.getState().others.length === 0) return;
    isDone = true;
    // One after the other: sound comes first. What fails is fetched when it is shown.
    void loads.reduce((before, load) => before.then(load).catch(() => undefined), Promise.resolve<unknown>(undefined));
  };
  look();
  return useGateways.subscribe(look);
}
