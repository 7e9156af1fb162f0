/** Whether the node can be reached, as the last attempt found. */
import { create } from 'zustand';

export const useReach = create<{ isReachable: boolean }>(() => ({ isReachable: true }));

export function noteReach(isReachable: boolean): void {
  if (useReach.getState().isReachable !== isReachable) useReach.setState({ isReachable });
}
