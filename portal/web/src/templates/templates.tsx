// SPDX-License-Identifier: Apache-2.0
export function Templates(_: {rest: string[]}) { return <p>…</p>; }
