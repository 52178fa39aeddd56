import ast
import io
import keyword
import tokenize

SOURCE = '''
import os, sys as system
from math import *

def outer(a, b=2, *args, **kw):
    """Doc."""
    def inner(): return a
    total = 0
    for i in range(10):
        if i % 2 and a or b:
            total += i
    return total

class Thing(Base):
    async def go(self): await self.x
'''
tree = ast.parse(SOURCE)
for node in ast.walk(tree):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        print(type(node).__name__, node.name, node.lineno, repr(ast.get_docstring(node)))
imports = [alias.name for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names]
branches = sum(isinstance(node, (ast.If, ast.For, ast.While, ast.BoolOp)) for node in ast.walk(tree))
print(imports, branches)


class Fold(ast.NodeTransformer):
    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant):
            return ast.copy_location(ast.Constant(eval(compile(ast.Expression(node), "", "eval"))), node)
        return node


print(ast.unparse(Fold().visit(ast.parse("x = 2 * 3 + y * (4 - 1)"))), ast.literal_eval("{'a': [1, (2, None)], 'b': -3.5}"))
for bad in ("__import__('os')", "1 +", "x"):
    try:
        ast.literal_eval(bad)
    except (ValueError, SyntaxError) as error:
        print(type(error).__name__)
names = [t.string for t in tokenize.generate_tokens(io.StringIO("x = foo(1.5, 'a') # c\n").readline) if t.type in (tokenize.NAME, tokenize.COMMENT, tokenize.NUMBER)]
print(names, keyword.iskeyword("lambda"), "match" in keyword.softkwlist)
