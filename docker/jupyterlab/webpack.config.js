// Bundles JupyterLab and its extensions into build/, with their settings schemas and themes.
const path = require('path');
const { Build } = require('@jupyterlab/builder');
const { merge } = require('webpack-merge');
const base = require('@jupyterlab/builder/lib/webpack.config.base');
const { dependencies } = require('./package.json');

const extensions = Object.keys(dependencies).filter(name => {
  const { jupyterlab } = require(path.join(name, 'package.json'));
  return jupyterlab && (jupyterlab.extension || jupyterlab.mimeExtension);
});
const output = path.resolve(__dirname, 'build');
const assets = Build.ensureAssets({
  packageNames: extensions,
  output,
  schemaOutput: output,
  themeOutput: output
});

module.exports = assets.concat(
  merge(base, {
    mode: 'production',
    entry: './index.js',
    output: { path: output, filename: 'main.js', chunkFilename: '[name].[contenthash].js' },
    optimization: { minimize: false },
    resolve: { fallback: { url: false, buffer: false, crypto: false } }
  })
);
