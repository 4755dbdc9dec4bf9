"""The operation for the native engine: a kernel in C++, and the call of it."""

from inceptgraph_native.codegen import Emitter, Unit
from inceptgraph_shuffle.operation import GroupShuffle

KERNEL = """
inline void group_shuffle(Run& r, Map from, int groups, Map to) {
    const int each = from.channels / groups;
    each_pixel(r, to, [&](long n, int y, int x) {
        const number* source = from.at(n, y, x);
        number* place = to.at(n, y, x);
        for (int c = 0; c < to.channels; ++c) place[c] = source[c % groups * each + c / groups];
    });
}
"""


def group_shuffle(op: GroupShuffle, unit: Unit, emit: Emitter) -> None:
    emit.define(KERNEL)
    source, target = emit.place(unit.node.inputs[0]), emit.place(unit.end)
    maps = emit.map(source), str(op.groups), emit.map(target)
    emit.call(unit.end, "group_shuffle", *maps, reads=[source], writes=[target])
