// The type check of the example's use of batchnorm needs no installed TensorFlow.js.
declare module "@tensorflow/tfjs";
