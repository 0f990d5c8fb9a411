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
"""Builds and installs the ament_python package."""

from glob import glob
import os

from setuptools import find_packages, setup

PACKAGE = 'depth_nn_transport'
HERE = os.path.dirname(os.path.abspath(__file__))


def model_files() -> list[str]:
    """Return the shipped model files, relative to the Python package."""
    package = os.path.join(HERE, PACKAGE)
    found = glob(os.path.join(package, 'models', '**', '*'), recursive=True)
    return [os.path.relpath(path, package) for path in found if os.path.isfile(path)]


setup(
    name=PACKAGE,
    version='0.1.0',
    packages=find_packages(include=[PACKAGE, PACKAGE + '.*']),
    package_data={PACKAGE: ['py.typed', 'bag/*.msg', *model_files()]},
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/' + PACKAGE]),
        ('share/' + PACKAGE, ['package.xml']),
        ('share/' + PACKAGE + '/launch', sorted(glob('launch/*.launch.py'))),
        ('share/' + PACKAGE + '/config', sorted(glob('config/*'))),
    ],
    python_requires='>=3.10',
    install_requires=[
        'click',
        'constriction',
        'numba',
        'numpy',
        'opencv-python-headless',
        'rosbags',
        'openvino',
        'setuptools',
        'threadpoolctl',
        'tqdm',
    ],
    extras_require={'test': ['pytest']},
    zip_safe=False,
    maintainer='depth_nn_transport contributors',
    maintainer_email='maintainers@example.com',
    description='Sends depth images through a learned codec.',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            'depth_encoder = depth_nn_transport.nodes.depth_encoder:main',
            'depth_decoder = depth_nn_transport.nodes.depth_decoder:main',
            'realsense_source = depth_nn_transport.nodes.realsense_source:main',
        ],
    },
)
