// SPDX-License-Identifier: Apache-2.0
import {expect, test} from 'vitest';
import {Backoff} from './backoff';

test('the wait is anywhere below a bound that doubles, up to the most', () => {
    const most = new Backoff(30_000, () => 1);
    expect([1, 2, 3, 4, 5, 6, 7].map(() => most.next(1000))).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    most.succeeded();
    expect(most.next(1000)).toBe(1000);
    expect(new Backoff(30_000, () => 0).next(1000)).toBe(0);
});

test('never sooner than the server said', () => {
    expect(new Backoff(30_000, () => 0).next(1000, 7)).toBe(7000);
});
