// SPDX-License-Identifier: Apache-2.0
// A component that is drawn anew only when a prop is another one (functions aside, which are made anew each time).
import {Component, h, type ComponentType, type VNode} from 'preact';

export function memo<P extends object>(inner: ComponentType<P>): ComponentType<P> {
    return class extends Component<P> {
        override shouldComponentUpdate(next: Readonly<P>): boolean {
            const before = this.props as Record<string, unknown>;
            return Object.entries(next).some(([name, value]) => typeof value !== 'function' && before[name] !== value);
        }
        render(): VNode { return h(inner as ComponentType<object>, this.props) as VNode; }
    };
}
